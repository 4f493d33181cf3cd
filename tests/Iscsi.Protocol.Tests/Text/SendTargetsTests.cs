using System.Text;

namespace Iscsi.Protocol.Tests.Text;

public class SendTargetsTests
{
    private static readonly SendTargetsEntry[] Entries =
    [
        new("iqn.2026-11.net.example:a", [new("192.0.2.1:3260", 1), new("[2001:db8::1]:3260", 2)]),
        new("iqn.2026-11.net.example:b", []),
        new("iqn.2026-11.net.example:c", [new("host.example:860", 65535)]),
    ];

    [Fact]
    public void A_short_answer_is_one_PDU_in_the_format_of_appendix_C()
    {
        using var writer = new SendTargetsWriter(Entries);
        var buffer = new byte[8192];
        var part = writer.Next(buffer);
        Assert.False(part.IsContinued);
        Assert.Equal(
            "TargetName=iqn.2026-11.net.example:a|TargetAddress=192.0.2.1:3260,1|TargetAddress=[2001:db8::1]:3260,2|" +
            "TargetName=iqn.2026-11.net.example:b|TargetName=iqn.2026-11.net.example:c|TargetAddress=host.example:860,65535|",
            Encoding.ASCII.GetString(buffer, 0, part.LengthBytes).Replace('\0', '|'));
    }

    [Fact]
    public void No_target_is_an_empty_answer()
    {
        using var writer = new SendTargetsWriter([]);
        Assert.Equal(new SendTargetsPart(0, false), writer.Next(new byte[512]));
    }

    [Fact]
    public void At_every_PDU_size_the_reader_gets_back_what_was_written()
    {
        for (var size = 1; size < 300; size++)
        {
            using var writer = new SendTargetsWriter(Entries);
            var reader = new SendTargetsReader();
            var buffer = new byte[size];
            SendTargetsPart part;
            do
            {
                part = writer.Next(buffer);
                Assert.InRange(part.LengthBytes, 1, size);
                Assert.Equal(TextFault.None, reader.Feed(buffer.AsSpan(0, part.LengthBytes)));
            }
            while (part.IsContinued);
            Assert.Equal(TextFault.None, reader.Finish());
            Assert.Equal(Entries.Length, reader.Targets.Count);
            for (var i = 0; i < Entries.Length; i++)
            {
                Assert.Equal(Entries[i].TargetName, reader.Targets[i].TargetName);
                Assert.Equal(Entries[i].Portals, reader.Targets[i].Portals);
            }
        }
    }

    [Fact]
    public void Pairs_stay_whole_where_a_PDU_has_room_for_one()
    {
        using var writer = new SendTargetsWriter(Entries);
        var buffer = new byte[64];
        SendTargetsPart part;
        do
        {
            part = writer.Next(buffer);
            Assert.Equal(0, buffer[part.LengthBytes - 1]);
        }
        while (part.IsContinued);
    }

    [Fact]
    public void Targets_are_read_only_as_far_as_PDUs_are_asked_for()
    {
        var read = 0;
        using var writer = new SendTargetsWriter(Many());
        for (var i = 0; i < 10; i++) Assert.True(writer.Next(new byte[512]).IsContinued);
        Assert.InRange(read, 10, 150);

        IEnumerable<SendTargetsEntry> Many()
        {
            while (true)
            {
                read++;
                yield return new($"iqn.2026-11.net.example:disk{read}", [new("192.0.2.1:3260", 1)]);
            }
        }
    }

    [Fact]
    public void An_answer_that_stops_within_a_pair_is_not_terminated()
    {
        var reader = new SendTargetsReader();
        Assert.Equal(TextFault.None, reader.Feed("TargetName=iqn.x:y"u8));
        Assert.Equal(TextFault.NotTerminated, reader.Finish());
    }

    [Fact]
    public void An_endless_pair_and_endless_pairs_are_faults()
    {
        var reader = new SendTargetsReader(maxPairs: 2);
        Assert.Equal(TextFault.ValueTooLong, reader.Feed(new byte[600].Select(_ => (byte)'x').ToArray()));
        reader = new SendTargetsReader(maxPairs: 2);
        Assert.Equal(TextFault.ValueTooLong, reader.Feed("TargetName=a\0TargetName=b\0TargetName=c\0"u8));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Random_answers_never_throw(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 2000; round++)
        {
            var text = "TargetName=iqn.x:y\0TargetAddress=1.2.3.4:3260,1\0TargetAddress=a,2\0"u8.ToArray();
            for (var i = random.Next(6); i >= 0; i--) text[random.Next(text.Length)] = (byte)random.Next(256);
            var fault = new SendTargetsReader().Feed(text);
            Assert.True(Enum.IsDefined(fault), $"seed {seed}");
        }
    }
}
