using System.CommandLine;
using Iscsi.Initiator;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Client;

/// <summary>The options that every command with a URL has, and the login they describe.</summary>
internal sealed class ClientOptions
{
    private readonly Option<string?> _initiator = new("--initiator")
    {
        Description = $"The name to log in as. [default: {new IscsiInitiatorOptions().InitiatorName}]",
        HelpName = "IQN",
    };

    private readonly Option<string?> _secretFile = new("--chap-secret-file")
    {
        Description = $"A file whose first line is the CHAP secret of the URL's user. [default: the URL's, else {ChapSecret.Variable}]",
        HelpName = "FILE",
    };

    private readonly Option<string?> _mutualUser = new("--mutual-chap-user")
    {
        Description = $"The name that the target must prove to be; the secret is in {ChapSecret.MutualVariable} or a file.",
        HelpName = "NAME",
    };

    private readonly Option<string?> _mutualSecretFile = new("--mutual-chap-secret-file")
    {
        Description = "A file whose first line is the target's CHAP secret.",
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Add(_initiator);
        command.Add(_secretFile);
        command.Add(_mutualUser);
        command.Add(_mutualSecretFile);
    }

    /// <summary>What a login to a URL takes.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="user">The URL's user, if any.</param>
    /// <param name="secret">The URL's secret, if any.</param>
    /// <exception cref="UserException">A secret is missing.</exception>
    public IscsiInitiatorOptions For(ParseResult parsed, string? user, string? secret)
    {
        var options = new IscsiInitiatorOptions();
        if (parsed.GetValue(_initiator) is { } name) options = options with { InitiatorName = name };
        var file = parsed.GetValue(_secretFile);
        if (user is null && file is not null) throw UserException.Usage($"{_secretFile.Name} needs a user in the URL: iscsi://user@host/…");
        if (user is not null && secret is null)
            options = options with { ChapSecret = ChapSecret.Read(file, ChapSecret.Variable, _secretFile.Name, Environment.GetEnvironmentVariable) };
        var mutualFile = parsed.GetValue(_mutualSecretFile);
        if (parsed.GetValue(_mutualUser) is not { } mutualUser)
            return mutualFile is null ? options : throw UserException.Usage($"{_mutualSecretFile.Name} needs {_mutualUser.Name}");
        if (user is null) throw UserException.Usage($"{_mutualUser.Name} needs a user in the URL: a target proves itself only to clients that do so first");
        return options with
        {
            MutualChapUser = mutualUser,
            MutualChapSecret = ChapSecret.Read(mutualFile, ChapSecret.MutualVariable, _mutualSecretFile.Name, Environment.GetEnvironmentVariable),
        };
    }
}
