namespace IscsiNet.Cli.Parsing;

/// <summary>A secret comes from a file or the environment, never from the command line, which every user of the machine can read.</summary>
internal static class ChapSecret
{
    public const string Variable = "ISCSINET_CHAP_SECRET";
    public const string MutualVariable = "ISCSINET_MUTUAL_CHAP_SECRET";

    /// <summary>RFC 7143, 9.2.1: secrets of less than 96 bits are only for links that are protected otherwise.</summary>
    public const int RecommendedBytes = 12;

    /// <summary>Reads a secret; a file comes before the environment.</summary>
    /// <param name="path">The file, whose first line is the secret; null: the environment.</param>
    /// <param name="variable">The environment variable.</param>
    /// <param name="fileOption">The option that names the file, for the message.</param>
    /// <param name="getVariable">Reads the environment.</param>
    /// <exception cref="UserException">There is no secret, or the file can't be read.</exception>
    public static string Read(string? path, string variable, string fileOption, Func<string, string?> getVariable)
    {
        if (path is null)
        {
            var value = getVariable(variable);
            return string.IsNullOrEmpty(value)
                ? throw UserException.Usage($"there is no CHAP secret: set {variable}, or name a file with {fileOption}")
                : value;
        }

        return ReadFile(path);
    }

    /// <summary>Reads the secret in a file's first line.</summary>
    /// <exception cref="UserException">The file can't be read, or is empty.</exception>
    public static string ReadFile(string path)
    {
        string? line;
        try
        {
            using var file = File.OpenText(path);
            line = file.ReadLine();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw UserException.Usage($"the secret in {path} can't be read: {exception.Message}");
        }

        return string.IsNullOrEmpty(line)
            ? throw UserException.Usage($"the secret in {path} is empty: its first line is the secret")
            : line;
    }
}
