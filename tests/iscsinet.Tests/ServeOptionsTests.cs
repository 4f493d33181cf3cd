using Iscsi.Storage;
using IscsiNet.Cli.Commands;

namespace IscsiNet.Cli.Tests;

public sealed class ServeOptionsTests
{
    private const string Secret = "correct-horse-battery";

    [Fact]
    public void Without_arguments_one_file_is_served_on_the_loopback_with_64_MiB()
    {
        var options = Parse();

        var device = Assert.Single(options.Devices);
        Assert.Equal((BlockDeviceKind.File, "./disk.img", 1L << 30), (device.Kind, device.Location, device.SizeBytes));
        Assert.Equal("127.0.0.1:3260", Assert.Single(options.Listen).Endpoint.ToString());
        Assert.Equal("iqn.2026-11.net.iscsinet:disk", options.TargetName);
        Assert.Equal(64L << 20, options.MemoryBytes);
        Assert.Null(options.Chap);
        Assert.Empty(options.AllowedInitiators);
        Assert.Null(options.CaptiveCommand);
    }

    [Fact]
    public void Devices_become_LUNs_in_their_order()
    {
        var options = Parse("b.img", "a.img,read-only", "memory,size=1MiB");
        Assert.Equal(["b.img", "a.img", "memory"], options.Devices.Select(device => device.Location));
    }

    [Fact]
    public void Listen_and_allow_are_repeatable()
    {
        var options = Parse("--listen", "127.0.0.1:1", "--allow", "iqn.2026-11.net.example:a", "--listen", "[::1]:2", "--allow", "iqn.2026-11.net.example:b");
        Assert.Equal(["127.0.0.1:1", "[::1]:2"], options.Listen.Select(listen => listen.Endpoint.ToString()));
        Assert.Equal(["iqn.2026-11.net.example:a", "iqn.2026-11.net.example:b"], options.AllowedInitiators);
    }

    [Fact]
    public void Devices_and_options_may_be_mixed()
    {
        var options = Parse("a.img", "--listen", "127.0.0.1:1", "b.img", "--memory", "4MiB", "c.img");
        Assert.Equal(["a.img", "b.img", "c.img"], options.Devices.Select(device => device.Location));
        Assert.Equal(4L << 20, options.MemoryBytes);
    }

    [Fact]
    public void The_secret_of_a_chap_user_comes_from_the_environment()
    {
        var options = Parse(["--chap-user", "alice"], ("ISCSINET_CHAP_SECRET", Secret));
        Assert.Equal(new ChapAccount("alice", Secret), options.Chap);
    }

    [Fact]
    public void The_text_of_an_account_has_no_secret()
    {
        Assert.DoesNotContain(Secret, new ChapAccount("alice", Secret).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Mutual_chap_needs_an_initiator_that_proves_itself_first()
    {
        AssertUsage(["--mutual-chap-user", "disk"], "--chap-user", ("ISCSINET_MUTUAL_CHAP_SECRET", Secret));
    }

    [Fact]
    public void Both_directions_of_chap_need_different_secrets()
    {
        AssertUsage(
            ["--chap-user", "alice", "--mutual-chap-user", "disk"],
            "differ",
            ("ISCSINET_CHAP_SECRET", Secret),
            ("ISCSINET_MUTUAL_CHAP_SECRET", Secret));
    }

    [Theory]
    [InlineData("--chap-secret-file", "--chap-user")]
    [InlineData("--mutual-chap-secret-file", "--mutual-chap-user")]
    public void A_secret_file_needs_its_user(string fileOption, string userOption)
    {
        AssertUsage([fileOption, "/dev/null"], userOption);
    }

    [Fact]
    public void Loops_and_busy_polling_are_off_the_defaults_only_where_asked_for()
    {
        Assert.Null(Parse().Loops);
        Assert.Equal(TimeSpan.Zero, Parse().BusyPoll);
        var options = Parse("--loops", "3", "--busy-poll", "50");
        Assert.Equal(3, options.Loops);
        Assert.Equal(TimeSpan.FromMicroseconds(50), options.BusyPoll);
    }

    [Theory]
    [InlineData("--loops", "0")]
    [InlineData("--loops", "257")]
    [InlineData("--busy-poll", "-1")]
    [InlineData("--busy-poll", "10001")]
    public void Loops_and_busy_polling_have_a_range(string option, string value)
    {
        AssertUsage([option, value], option);
    }

    private static ServeOptions Parse(params string[] args) => Parse(args, []);

    private static ServeOptions Parse(string[] args, params (string Name, string Value)[] environment)
    {
        var parsed = CommandLine.Build().Parse(["serve", .. args]);
        Assert.Empty(parsed.Errors);
        return ServeCommand.ToOptions(parsed, name => environment.FirstOrDefault(variable => variable.Name == name).Value);
    }

    private static void AssertUsage(string[] args, string expected, params (string Name, string Value)[] environment)
    {
        var exception = Assert.Throws<UserException>(() => Parse(args, environment));
        Assert.Equal(ExitCodes.Usage, exception.ExitCode);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }
}
