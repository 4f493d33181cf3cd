using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Tests;

public sealed class ChapSecretTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public void A_secret_comes_from_the_environment()
    {
        Assert.Equal("from-environment", Read(path: null, "from-environment"));
    }

    [Theory]
    [InlineData("from-file")]
    [InlineData("from-file\n")]
    [InlineData("from-file\r\nand a comment")]
    public void A_secret_comes_from_the_first_line_of_a_file_before_the_environment(string content)
    {
        File.WriteAllText(_file, content);
        Assert.Equal("from-file", Read(_file, "from-environment"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void No_secret_is_a_mistake_that_says_where_it_may_be(string? variable)
    {
        var exception = Assert.Throws<UserException>(() => Read(path: null, variable));
        Assert.Equal(ExitCodes.Usage, exception.ExitCode);
        Assert.Contains(ChapSecret.Variable, exception.Message, StringComparison.Ordinal);
        Assert.Contains("--chap-secret-file", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_is_a_mistake_although_the_environment_has_a_secret()
    {
        Assert.Equal(ExitCodes.Usage, Assert.Throws<UserException>(() => Read(_file, "from-environment")).ExitCode);
    }

    [Fact]
    public void A_file_that_is_missing_is_a_mistake_that_names_it()
    {
        var exception = Assert.Throws<UserException>(() => Read(_file + ".missing", "from-environment"));
        Assert.Contains(_file + ".missing", exception.Message, StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(_file);

    private static string Read(string? path, string? variable) =>
        ChapSecret.Read(path, ChapSecret.Variable, "--chap-secret-file", name => name == ChapSecret.Variable ? variable : null);
}
