using System.Text;

namespace Iscsi.Protocol.Tests.Text;

public class TextPairReaderTests
{
    [Fact]
    public void Pairs_are_read_in_order_and_runs_of_NUL_are_skipped()
    {
        var (pairs, fault) = Read("\0A=1\0\0\0HeaderDigest=None,CRC32C\0B=\0"u8);
        Assert.Equal(TextFault.None, fault);
        Assert.Equal(["A=1", "HeaderDigest=None,CRC32C", "B="], pairs);
    }

    [Fact]
    public void A_value_may_hold_an_equals_sign() => Assert.Equal(["A=b=c"], Read("A=b=c\0"u8).Pairs);

    [Theory]
    [InlineData("A\0", TextFault.MissingEquals)]
    [InlineData("=x\0", TextFault.EmptyKey)]
    [InlineData("A=1", TextFault.NotTerminated)]
    [InlineData("A", TextFault.NotTerminated)]
    [InlineData("A b=1\0", TextFault.BadKeyCharacter)]
    [InlineData("A,b=1\0", TextFault.BadKeyCharacter)]
    [InlineData("Å=1\0", TextFault.BadKeyCharacter)]
    [InlineData("ok=1\0A\0", TextFault.MissingEquals)]
    public void A_malformed_pair_has_its_reason(string text, TextFault expected) =>
        Assert.Equal(expected, Read(Encoding.UTF8.GetBytes(text)).Fault);

    [Theory]
    [InlineData(63, TextFault.None)]
    [InlineData(64, TextFault.KeyTooLong)]
    [InlineData(20000, TextFault.KeyTooLong)]
    public void A_key_has_at_most_63_bytes(int length, TextFault expected) =>
        Assert.Equal(expected, Read(Encoding.ASCII.GetBytes(new string('A', length) + "=1\0")).Fault);

    [Theory]
    [InlineData(8192, TextFault.None)]
    [InlineData(8193, TextFault.ValueTooLong)]
    public void A_value_has_at_most_8192_bytes(int length, TextFault expected) =>
        Assert.Equal(expected, Read(Encoding.ASCII.GetBytes("A=" + new string('x', length) + "\0")).Fault);

    [Fact]
    public void A_value_that_is_not_UTF8_is_a_fault() =>
        Assert.Equal(TextFault.NotUtf8, Read([(byte)'A', (byte)'=', 0xC3, 0x28, 0]).Fault);

    [Fact]
    public void Every_cut_of_a_text_reads_the_whole_pairs_before_it()
    {
        var text = "InitiatorName=iqn.x:y\0MaxBurstLength=262144\0X-a@b=\0"u8.ToArray();
        for (var cut = 0; cut <= text.Length; cut++)
        {
            var (pairs, fault) = Read(text.AsSpan(0, cut));
            var whole = text.AsSpan(0, cut).Count((byte)0);
            Assert.Equal(whole, pairs.Count);
            var isWhole = cut == 0 || text[cut - 1] == 0;
            Assert.Equal(isWhole ? TextFault.None : TextFault.NotTerminated, fault);
        }
    }

    [Fact]
    public void A_NUL_at_every_place_never_throws_and_never_yields_a_bad_key()
    {
        var text = "InitiatorName=iqn.x:y\0MaxBurstLength=262144\0"u8.ToArray();
        for (var at = 0; at < text.Length; at++)
        {
            var mutated = text.ToArray();
            mutated[at] = 0;
            foreach (var pair in Read(mutated).Pairs) Assert.DoesNotContain('\0', pair);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_bytes_never_throw_and_end(int seed)
    {
        var random = new Random(seed);
        ReadOnlySpan<byte> alphabet = "A=\0,x0~-\xFF\xC3"u8;
        for (var round = 0; round < 5000; round++)
        {
            var text = new byte[random.Next(0, 200)];
            for (var i = 0; i < text.Length; i++) text[i] = random.Next(3) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            var (pairs, fault) = Read(text);
            Assert.True(pairs.Count <= text.Length, $"seed {seed}");
            Assert.True(Enum.IsDefined(fault), $"seed {seed}");
        }
    }

    private static (List<string> Pairs, TextFault Fault) Read(ReadOnlySpan<byte> text)
    {
        var reader = new TextPairReader(text);
        var pairs = new List<string>();
        while (reader.TryRead(out var pair)) pairs.Add($"{pair.NameText}={Encoding.UTF8.GetString(pair.Value)}");
        return (pairs, reader.Fault);
    }
}
