using System.Text;

namespace Iscsi.Protocol.Tests.Text;

public class TextKeyTableTests
{
    [Fact]
    public void Every_key_has_one_row_and_is_found_by_its_name()
    {
        Assert.Equal(Enum.GetValues<TextKey>().Where(key => key != TextKey.Unknown).Order(), TextKeyTable.All.Select(row => row.Key).Order());
        foreach (var row in TextKeyTable.All)
        {
            Assert.Equal(row.Key, TextKeyTable.Find(Encoding.ASCII.GetBytes(row.Name)));
            Assert.Same(row, TextKeyTable.Get(row.Key));
            Assert.NotEmpty(row.Summary);
            Assert.Matches(@"^1[23]\.\d+(\.\d)?$", row.Section);
        }
    }

    [Theory]
    [InlineData("headerdigest")]
    [InlineData("HeaderDigest ")]
    [InlineData("")]
    [InlineData("X-com.example.key")]
    [InlineData("RDMAExtensions")]
    public void Other_names_are_unknown_and_case_matters(string name) =>
        Assert.Equal(TextKey.Unknown, TextKeyTable.Find(Encoding.ASCII.GetBytes(name)));

    [Fact]
    public void Defaults_lie_within_the_range_of_their_key()
    {
        foreach (var row in TextKeyTable.All.Where(row => row.Type == TextValueType.Number && row.Default is not null))
            Assert.InRange(uint.Parse(row.Default!), row.Minimum, row.Maximum);
    }

    // RFC 7143, chapter 13: ranges, defaults and rules, written out a second time.
    [Theory]
    [InlineData("MaxConnections", 1, 65535, "1", NegotiationRule.Minimum)]
    [InlineData("MaxRecvDataSegmentLength", 512, 16777215, "8192", NegotiationRule.Declarative)]
    [InlineData("MaxBurstLength", 512, 16777215, "262144", NegotiationRule.Minimum)]
    [InlineData("FirstBurstLength", 512, 16777215, "65536", NegotiationRule.Minimum)]
    [InlineData("DefaultTime2Wait", 0, 3600, "2", NegotiationRule.Maximum)]
    [InlineData("DefaultTime2Retain", 0, 3600, "20", NegotiationRule.Minimum)]
    [InlineData("MaxOutstandingR2T", 1, 65535, "1", NegotiationRule.Minimum)]
    [InlineData("ErrorRecoveryLevel", 0, 2, "0", NegotiationRule.Minimum)]
    [InlineData("iSCSIProtocolLevel", 0, 31, "1", NegotiationRule.Minimum)]
    public void Numeric_keys_have_the_range_default_and_rule_of_the_standard(
        string name, uint minimum, uint maximum, string defaultValue, NegotiationRule rule)
    {
        var row = TextKeyTable.Get(TextKeyTable.Find(Encoding.ASCII.GetBytes(name)));
        Assert.Equal((minimum, maximum, defaultValue, rule), (row.Minimum, row.Maximum, row.Default, row.Rule));
    }

    [Theory]
    [InlineData("InitialR2T", NegotiationRule.Or)]
    [InlineData("ImmediateData", NegotiationRule.And)]
    [InlineData("DataPDUInOrder", NegotiationRule.Or)]
    [InlineData("DataSequenceInOrder", NegotiationRule.Or)]
    public void Boolean_keys_default_to_Yes(string name, NegotiationRule rule)
    {
        var row = TextKeyTable.Get(TextKeyTable.Find(Encoding.ASCII.GetBytes(name)));
        Assert.Equal(("Yes", rule, true), (row.Default, row.Rule, row.IsIrrelevantInDiscovery));
    }

    [Fact]
    public void The_defaults_of_the_table_are_those_of_NegotiatedParameters()
    {
        var built = new OperationalNegotiator(new OperationalOffer(), SessionType.Normal, isLeading: true, NegotiatedParameters.Default).Build();
        Assert.Equal(NegotiatedParameters.Default, built);
    }
}
