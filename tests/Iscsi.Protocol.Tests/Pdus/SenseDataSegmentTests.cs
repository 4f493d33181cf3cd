namespace Iscsi.Protocol.Tests;

public sealed class SenseDataSegmentTests
{
    [Fact]
    public void Sense_data_have_their_length_in_front()
    {
        var bytes = new byte[20];
        var sense = new Random(1).NextBytes(18);
        Assert.Equal(20, SenseDataSegment.Write(bytes, sense));
        Assert.Equal([0, 18, .. sense], bytes);
        Assert.True(SenseDataSegment.TryRead(bytes, out var read));
        Assert.Equal(sense, read.ToArray());
        Assert.Equal(0, SenseDataSegment.Write([], []));
    }

    [Fact]
    public void Every_length_lie_is_found()
    {
        for (var segmentLength = 0; segmentLength <= 6; segmentLength++)
        {
            for (var senseLength = 0; senseLength <= 0xFFFF; senseLength += senseLength < 10 ? 1 : 251)
            {
                var bytes = new byte[] { (byte)(senseLength >> 8), (byte)senseLength, 1, 2, 3, 4 }[..segmentLength];
                var isRight = segmentLength == 0 || (segmentLength >= 2 && senseLength <= segmentLength - 2);
                Assert.Equal(isRight, SenseDataSegment.TryRead(bytes, out var sense));
                Assert.Equal(isRight && segmentLength > 0 ? senseLength : 0, sense.Length);
            }
        }
    }
}
