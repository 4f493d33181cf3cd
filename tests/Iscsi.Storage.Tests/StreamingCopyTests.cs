using System.Runtime.InteropServices;

namespace Iscsi.Storage.Tests;

/// <summary>The copy that goes past the caches.</summary>
public sealed unsafe class StreamingCopyTests
{
    [Fact]
    public void It_copies_what_it_is_told_and_nothing_else()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "There is none but for x86-64 Linux.");
        Assert.True(StreamingCopy.IsSupported);
        const int room = 10_000;
        var memory = (byte*)NativeMemory.AlignedAlloc(room, StreamingCopy.Alignment);
        try
        {
            var destination = new Span<byte>(memory, room);
            for (var seed = 0; seed < 500; seed++)
            {
                var random = new Random(seed);
                var length = random.Next(1, 100) * StreamingCopy.StepBytes;
                var from = random.Next(room - length);
                var to = random.Next((room - length) / StreamingCopy.Alignment) * StreamingCopy.Alignment;
                var source = TestMemory.Random(random, room);
                var expected = TestMemory.Random(random, room);
                expected.CopyTo(destination);
                fixed (byte* pointer = source) StreamingCopy.Copy(memory + to, pointer + from, (nuint)length);
                source.AsSpan(from, length).CopyTo(expected.AsSpan(to));
                Assert.True(destination.SequenceEqual(expected), $"seed {seed}: {length} bytes from {from} to {to}");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
