using System.Diagnostics.CodeAnalysis;

namespace Iscsi.Storage;

/// <content>Parsing.</content>
public sealed partial record BlockDeviceSpec
{
    private const string IscsiScheme = "iscsi://";

    /// <summary>Parses a description.</summary>
    /// <param name="text">As in the remarks on <see cref="BlockDeviceSpec"/>.</param>
    /// <param name="spec">The result.</param>
    /// <param name="error">For the user: what is wrong, and what would be right.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out BlockDeviceSpec? spec, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        spec = null;
        var parts = Split(text);
        var location = parts[0];
        if (location.Length == 0)
        {
            error = $"'{text}' begins with no path; a disk is PATH, memory, null or an iscsi:// URL, then options.";
            return false;
        }
        var result = new BlockDeviceSpec { Kind = KindOf(location), Location = location };
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var option in parts.Skip(1))
        {
            var name = option.Split('=', 2)[0];
            if (!seen.Add(name)) error = $"'{text}': the option {name} is there twice.";
            else error = Apply(ref result, option, name);
            if (error != null) return false;
        }
        error = CheckWhole(text, result);
        if (error != null) return false;
        spec = result;
        return true;
    }

    private static string? Apply(ref BlockDeviceSpec spec, string option, string name)
    {
        var value = option.Length > name.Length ? option[(name.Length + 1)..] : null;
        var valid = OptionsOf(spec.Kind);
        if (!valid.Contains(name, StringComparer.Ordinal))
            return $"'{option}' is not an option of {NameOf(spec.Kind)}; its options are {string.Join(", ", valid)}. (A comma in a path is written twice.)";
        switch (name)
        {
            case "size" when ByteSize.TryParse(value, out var bytes):
                spec = spec with { SizeBytes = bytes };
                return null;
            case "size":
                return $"'{option}' is not a size: it takes {ByteSize.Syntax}.";
            case "block-size" when value is "512" or "4096":
                spec = spec with { BlockSize = value is "512" ? 512 : 4096 };
                return null;
            case "block-size":
                return $"'{option}' is not a block size: use block-size=512 or block-size=4096.";
        }
        if (value != null) return $"'{option}': {name} takes no value.";
        spec = name switch
        {
            "read-only" => spec with { IsReadOnly = true },
            "removable" => spec with { IsRemovable = true },
            "write-through" => spec with { WriteThrough = true },
            "direct" => spec with { Direct = true },
            _ => spec with { Thick = true },
        };
        return null;
    }

    private static string? CheckWhole(string text, BlockDeviceSpec spec)
    {
        if (spec.Thick && spec.IsReadOnly) return $"'{text}': space can't be reserved for a read-only file; leave thick or read-only out.";
        if (spec.SizeBytes is { } size)
        {
            var blockSize = spec.BlockSize ?? 512;
            if (size == 0) return $"'{text}': a disk of no bytes can't be served; give a size such as size=1GiB.";
            if (size % blockSize != 0) return $"'{text}': the size of {size} bytes is no multiple of the block size of {blockSize} bytes.";
        }
        else if (spec.Kind is BlockDeviceKind.Memory or BlockDeviceKind.Null)
        {
            return $"'{text}': {NameOf(spec.Kind)} needs a size, such as {spec.Location},size=256MiB. (A file of that name is ./{spec.Location}.)";
        }
        return null;
    }

    /// <summary>Splits at single commas; a doubled one stands for itself, as in QEMU's options.</summary>
    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        var part = new System.Text.StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != ',')
            {
                part.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == ',')
            {
                part.Append(',');
                i++;
            }
            else
            {
                parts.Add(part.ToString());
                part.Clear();
            }
        }
        parts.Add(part.ToString());
        return parts;
    }

    private static BlockDeviceKind KindOf(string location) => location switch
    {
        "memory" => BlockDeviceKind.Memory,
        "null" => BlockDeviceKind.Null,
        _ when location.StartsWith(IscsiScheme, StringComparison.OrdinalIgnoreCase) => BlockDeviceKind.Iscsi,
        _ => BlockDeviceKind.File,
    };

    private static string[] OptionsOf(BlockDeviceKind kind) => kind switch
    {
        BlockDeviceKind.File => ["size", "block-size", "read-only", "removable", "write-through", "direct", "thick"],
        BlockDeviceKind.Iscsi => ["read-only", "removable"],
        _ => ["size", "block-size", "read-only", "removable"],
    };

    private static string NameOf(BlockDeviceKind kind) => kind switch
    {
        BlockDeviceKind.File => "a file",
        BlockDeviceKind.Memory => "a memory disk",
        BlockDeviceKind.Null => "a null disk",
        _ => "an iSCSI disk",
    };
}
