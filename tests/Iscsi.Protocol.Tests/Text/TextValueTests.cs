using System.Text;

namespace Iscsi.Protocol.Tests.Text;

public class TextValueTests
{
    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("65536", 65536ul)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("0x0", 0ul)]
    [InlineData("0XfF", 255ul)]
    [InlineData("0xFFFFFFFFFFFFFFFF", ulong.MaxValue)]
    [InlineData("0x00000000000000000001", 1ul)]
    public void Numbers_are_decimal_or_hexadecimal_below_2_to_the_64(string text, ulong expected)
    {
        Assert.Equal(TextFault.None, TextValue.ReadNumber(Encoding.ASCII.GetBytes(text), out var number));
        Assert.Equal(expected, number);
    }

    [Theory]
    [InlineData("")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1k")]
    [InlineData("0x")]
    [InlineData("0xg")]
    [InlineData("0b11")]
    [InlineData("18446744073709551616")]
    [InlineData("99999999999999999999999")]
    [InlineData("0x10000000000000000")]
    [InlineData("Yes")]
    public void What_is_no_number_is_a_bad_number(string text) =>
        Assert.Equal(TextFault.BadNumber, TextValue.ReadNumber(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("511", TextFault.OutOfRange)]
    [InlineData("512", TextFault.None)]
    [InlineData("16777215", TextFault.None)]
    [InlineData("16777216", TextFault.OutOfRange)]
    [InlineData("18446744073709551615", TextFault.OutOfRange)]
    public void A_range_of_numbers_includes_its_ends(string text, TextFault expected) =>
        Assert.Equal(expected, TextValue.ReadNumber(Encoding.ASCII.GetBytes(text), 512, 16777215, out _));

    [Theory]
    [InlineData("1~5", 1ul, 5ul)]
    [InlineData("0x10~0x20", 16ul, 32ul)]
    [InlineData("7", 7ul, 7ul)]
    public void A_range_is_two_numbers_with_a_tilde(string text, ulong first, ulong last)
    {
        Assert.Equal(TextFault.None, TextValue.ReadRange(Encoding.ASCII.GetBytes(text), out var a, out var b));
        Assert.Equal((first, last), (a, b));
    }

    [Theory]
    [InlineData("5~1")]
    [InlineData("~")]
    [InlineData("1~")]
    [InlineData("~1")]
    [InlineData("1~2~3")]
    public void A_malformed_range_is_a_bad_range(string text) =>
        Assert.Equal(TextFault.BadRange, TextValue.ReadRange(Encoding.ASCII.GetBytes(text), out _, out _));

    [Theory]
    [InlineData("Yes", TextFault.None, true)]
    [InlineData("No", TextFault.None, false)]
    [InlineData("yes", TextFault.BadBoolean, false)]
    [InlineData("", TextFault.BadBoolean, false)]
    [InlineData("Yes ", TextFault.BadBoolean, false)]
    public void A_boolean_is_exactly_Yes_or_No(string text, TextFault fault, bool value)
    {
        Assert.Equal(fault, TextValue.ReadBoolean(Encoding.ASCII.GetBytes(text), out var read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("0x00ff", "00FF")]
    [InlineData("0XABCDEF", "ABCDEF")]
    [InlineData("0xf01", "0F01")]
    [InlineData("0bAP8=", "00FF")]
    [InlineData("0BAQID", "010203")]
    public void Binary_values_are_hexadecimal_or_base64(string text, string expected)
    {
        var buffer = new byte[16];
        Assert.Equal(TextFault.None, TextValue.ReadBinary(Encoding.ASCII.GetBytes(text), buffer, out var length));
        Assert.Equal(expected, Convert.ToHexString(buffer.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0x")]
    [InlineData("0b")]
    [InlineData("12345")]
    [InlineData("0xzz")]
    [InlineData("0bA")]
    [InlineData("0b====")]
    [InlineData("0bAP 8=")]
    [InlineData("0bAP8=AP8=")]
    public void Malformed_binary_values_are_bad(string text) =>
        Assert.Equal(TextFault.BadBinary, TextValue.ReadBinary(Encoding.ASCII.GetBytes(text), new byte[16], out _));

    [Theory]
    [InlineData("0x0102030405", 4)]
    [InlineData("0bAQIDBAU=", 4)]
    public void A_binary_value_that_does_not_fit_is_too_long(string text, int room) =>
        Assert.Equal(TextFault.ValueTooLong, TextValue.ReadBinary(Encoding.ASCII.GetBytes(text), new byte[room], out _));

    [Theory]
    [InlineData(BinaryTextEncoding.Hex)]
    [InlineData(BinaryTextEncoding.Base64)]
    public void Binary_values_of_every_length_survive_a_round_trip(BinaryTextEncoding encoding)
    {
        var random = new Random(5);
        for (var length = 1; length <= 1024; length += length < 40 ? 1 : 61)
        {
            var value = new byte[length];
            random.NextBytes(value);
            var builder = new TextBuilder(new byte[4096]);
            builder.AddBinary(TextKey.ChapChallenge, value, encoding);
            var reader = new TextPairReader(builder.Text);
            Assert.True(reader.TryRead(out var pair));
            var read = new byte[1024];
            Assert.Equal(TextFault.None, TextValue.ReadBinary(pair.Value, read, out var readLength));
            Assert.Equal(value, read.AsSpan(0, readLength).ToArray());
        }
    }

    [Theory]
    [InlineData("a", TextFault.None)]
    [InlineData("a,b", TextFault.None)]
    [InlineData("", TextFault.BadList)]
    [InlineData(",", TextFault.BadList)]
    [InlineData("a,", TextFault.BadList)]
    [InlineData(",a", TextFault.BadList)]
    [InlineData("a,,b", TextFault.BadList)]
    public void A_list_has_no_empty_element(string text, TextFault expected) =>
        Assert.Equal(expected, TextValue.CheckList(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void A_pair_that_does_not_fit_is_left_out_whole()
    {
        for (var room = 0; room < 40; room++)
        {
            var builder = new TextBuilder(new byte[room]);
            builder.Add(TextKey.MaxBurstLength, 262144u); // MaxBurstLength=262144 NUL: 22 bytes
            builder.Add(TextKey.InitialR2T, true); // InitialR2T=Yes NUL: 15 bytes
            Assert.Equal(room >= 37 ? 37 : room >= 22 ? 22 : 0, builder.LengthBytes);
            Assert.Equal(room < 37, builder.IsOverflowed);
        }
    }
}
