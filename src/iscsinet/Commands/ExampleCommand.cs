using System.CommandLine;

namespace IscsiNet.Cli.Commands;

/// <summary>A command whose help ends with examples.</summary>
/// <param name="name">Its name.</param>
/// <param name="description">One or two sentences.</param>
/// <param name="examples">Command lines that work as they stand, and what for.</param>
internal sealed class ExampleCommand(string name, string description, params (string Line, string Purpose)[] examples)
    : Command(name, description)
{
    public (string Line, string Purpose)[] Examples => examples;
}
