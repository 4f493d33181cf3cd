namespace IscsiNet.Cli.Tests.Configuration;

/// <summary>A directory of its own with a configuration file and what it names.</summary>
internal sealed class ConfigurationFiles : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iscsinet-").FullName;

    public string Path => At("iscsinet.json");

    public string At(string name) => System.IO.Path.Combine(_directory, name);

    public void Write(string json) => File.WriteAllText(Path, json);

    public string Disk(string name, long bytes = 1 << 20)
    {
        using var file = File.Open(At(name), FileMode.OpenOrCreate);
        file.SetLength(bytes);
        return At(name);
    }

    public void Secret(string name, string secret) => File.WriteAllText(At(name), secret);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
