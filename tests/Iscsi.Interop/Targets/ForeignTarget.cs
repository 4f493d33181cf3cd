namespace Iscsi.Interop.Targets;

/// <summary>A target that others wrote, on a port of this machine's loopback.</summary>
internal abstract class ForeignTarget
{
    /// <summary>On 127.0.0.1.</summary>
    public abstract int Port { get; }

    /// <summary>The target's name, which anyone may log in to.</summary>
    public abstract string Name { get; }

    /// <summary>The LUN with a disk of 32 MiB or more.</summary>
    public abstract int Lun { get; }

    public string Url => UrlOf(Port);

    /// <summary>The target that asks for CHAP after <see cref="RequireChapAsync"/>.</summary>
    public virtual string ChapUrl => Url;

    public string UrlOf(int port) => $"iscsi://127.0.0.1:{port}/{Name}/{Lun}";

    /// <summary>Makes a target ask for CHAP.</summary>
    public abstract Task RequireChapAsync(string user, string secret);
}
