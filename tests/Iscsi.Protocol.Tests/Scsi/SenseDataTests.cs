using Iscsi.Protocol.Scsi;

namespace Iscsi.Protocol.Tests.Scsi;

public sealed class SenseDataTests
{
    public static TheoryData<SenseData> Samples() =>
    [
        default(SenseData),
        new SenseData(SenseKey.UnitAttention, AdditionalSense.PowerOnOrReset),
        new SenseData(SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify) { Information = 12345 },
        new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb) { Field = new FieldPointer(true, 7, 3) },
        new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList) { Field = new FieldPointer(false, 0x1234), Information = 0 },
    ];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Fixed_format_reads_back(SenseData sense)
    {
        Span<byte> bytes = stackalloc byte[SenseData.FixedSize];
        Assert.Equal(SenseData.FixedSize, sense.WriteFixed(bytes));
        Assert.True(SenseData.TryParse(bytes, out var parsed));
        Assert.Equal(sense, parsed);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Descriptor_format_reads_back(SenseData sense)
    {
        Span<byte> bytes = stackalloc byte[SenseData.MaxDescriptorSize];
        var length = sense.WriteDescriptor(bytes);
        Assert.True(SenseData.TryParse(bytes[..length], out var parsed));
        Assert.Equal(sense, parsed);
    }

    [Fact]
    public void Fixed_format_has_the_standards_layout()
    {
        var sense = new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb) { Information = 0x01020304, Field = new FieldPointer(true, 2, 5) };
        Span<byte> bytes = stackalloc byte[SenseData.FixedSize];
        sense.WriteFixed(bytes);
        Assert.Equal([0xF0, 0, 5, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xCD, 0, 2], bytes.ToArray());
    }

    [Fact]
    public void Descriptor_format_has_the_standards_layout()
    {
        var sense = new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb) { Information = 0x0102030405060708, Field = new FieldPointer(false, 2) };
        Span<byte> bytes = stackalloc byte[SenseData.MaxDescriptorSize];
        sense.WriteDescriptor(bytes);
        Assert.Equal([0x72, 5, 0x24, 0, 0, 0, 0, 20, 0, 10, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8, 2, 6, 0, 0, 0x80, 0, 2, 0], bytes.ToArray());
    }

    [Fact]
    public void An_information_value_too_large_for_fixed_format_is_left_out()
    {
        var sense = new SenseData(SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange) { Information = 1UL << 32 };
        Span<byte> bytes = stackalloc byte[SenseData.FixedSize];
        sense.WriteFixed(bytes);
        Assert.Equal(0x70, bytes[0]);
        Assert.True(SenseData.TryParse(bytes, out var parsed));
        Assert.Null(parsed.Information);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sense_cut_at_every_length_never_throws(SenseData sense)
    {
        var bytes = new byte[SenseData.MaxDescriptorSize];
        sense.WriteFixed(bytes);
        for (var length = 0; length <= SenseData.FixedSize; length++)
            Assert.Equal(length >= 3, SenseData.TryParse(bytes.AsSpan(0, length), out _));
        var whole = sense.WriteDescriptor(bytes);
        for (var length = 0; length <= whole; length++)
            Assert.Equal(length >= 4, SenseData.TryParse(bytes.AsSpan(0, length), out _));
    }

    [Fact]
    public void Random_bytes_never_throw()
    {
        const int seed = 99;
        var random = new Random(seed);
        for (var i = 0; i < 50_000; i++)
        {
            var bytes = new byte[random.Next(0, 40)];
            random.NextBytes(bytes);
            if (bytes.Length > 0) bytes[0] = (byte)(0x70 + random.Next(6));
            if (SenseData.TryParse(bytes, out var sense)) Assert.InRange((int)sense.Key, 0, 15);
        }
    }

    [Theory]
    [InlineData(SenseKey.NotReady)]
    [InlineData(SenseKey.NoSense)]
    public void The_progress_of_an_operation_is_said_in_both_formats(SenseKey key)
    {
        var sense = new SenseData(key, AdditionalSense.SanitizeInProgress) { Progress = 0x8001 };
        var bytes = new byte[SenseData.MaxDescriptorSize];
        sense.WriteFixed(bytes);
        Assert.Equal([0x80, 0x80, 0x01], bytes[15..18]);
        Assert.True(SenseData.TryParse(bytes.AsSpan(0, SenseData.FixedSize), out var parsed));
        Assert.Equal(sense, parsed);
        var length = sense.WriteDescriptor(bytes);
        Assert.Equal([0x02, 0x06, 0, 0, 0x80, 0x80, 0x01, 0], bytes[8..length]);
        Assert.True(SenseData.TryParse(bytes.AsSpan(0, length), out parsed));
        Assert.Equal(sense, parsed);
    }

    [Fact]
    public void An_unknown_response_code_is_not_sense_data() => Assert.False(SenseData.TryParse(new byte[18], out _));
}
