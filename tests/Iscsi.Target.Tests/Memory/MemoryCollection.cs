namespace Iscsi.Target.Tests.Memory;

/// <summary>Tests that measure the process: nothing else runs meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MemoryCollection
{
    public const string Name = "memory";
}
