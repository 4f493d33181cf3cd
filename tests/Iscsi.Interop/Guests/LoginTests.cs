namespace Iscsi.Interop.Guests;

/// <summary>open-iscsi discovers, proves who it is, negotiates digests, and logs out.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class LoginTests(LinuxGuestFixture guests)
{
    private const string Disk = "memory,size=64MiB";
    private const string Secret = "a-secret-of-24-bytes-abc";
    private const string TargetSecret = "another-secret-of-the-target";

    /// <summary>The kernel may see that the connection of a refused login is closed, before its user-space part has closed it.</summary>
    private const string Closed = "detected conn error (1020)";

    private static readonly (string, string)[] OneSecret = [("ISCSINET_CHAP_SECRET", Secret)];
    private static readonly (string, string)[] BothSecrets = [.. OneSecret, ("ISCSINET_MUTUAL_CHAP_SECRET", TargetSecret)];

    [Fact]
    public Task Discovery_names_the_announced_address() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(Disk);

        var result = (await guest.RunAsync($"discover {daemon.Port}")).Succeeded();

        Assert.Contains($"{LinuxGuest.HostAddress}:{daemon.Port},1 iqn.2026-11.net.iscsinet:disk", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", result.Output, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("MD5")]
    [InlineData("SHA1")]
    [InlineData("SHA256")]
    [InlineData("SHA3-256")]
    public Task It_proves_itself_by_CHAP(string algorithm) => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--chap-user", "alice"], [Disk], OneSecret);

        (await guest.RunAsync(ChapScript(daemon.Port, algorithm, Secret) + "login\ndisk 0\nlogout")).Succeeded();
    });

    [Theory]
    [InlineData("MD5")]
    [InlineData("SHA256")]
    public Task Both_sides_prove_themselves_by_CHAP(string algorithm) => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--chap-user", "alice", "--mutual-chap-user", "disk"], [Disk], BothSecrets);

        (await guest.RunAsync(ChapScript(daemon.Port, algorithm, Secret) + MutualScript(TargetSecret) + "login\ndisk 0\nlogout")).Succeeded();
    });

    [Fact]
    public Task A_wrong_secret_is_refused_and_the_right_one_is_taken_then() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--chap-user", "alice"], [Disk], OneSecret);

        var result = (await guest.RunAsync(ChapScript(daemon.Port, "SHA256", "not-the-secret-at-all") + "login")).Failed();
        Assert.Contains("authorization failure", result.Output, StringComparison.Ordinal);

        (await guest.RunAsync($"setting node.session.auth.password {Secret}\nlogin\ndisk 0\nlogout")).Succeeded();
    }, Closed);

    [Fact]
    public Task A_target_that_can_not_prove_itself_is_left() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--chap-user", "alice", "--mutual-chap-user", "disk"], [Disk], BothSecrets);

        (await guest.RunAsync(ChapScript(daemon.Port, "SHA256", Secret) + MutualScript("not-the-secret-of-the-target") + "login")).Failed();
    }, Closed);

    [Fact]
    public Task Without_CHAP_it_is_not_let_in_where_CHAP_is_asked_for() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--chap-user", "alice"], [Disk], OneSecret);

        (await guest.RunAsync(
            $"""
            start_iscsid
            iscsiadm -m node -T $iqn -p $host:{daemon.Port} -o new
            login
            """)).Failed();
    }, Closed);

    [Fact]
    public Task An_initiator_that_is_not_allowed_is_refused() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(["--allow", "iqn.2026-11.net.example:other"], [Disk]);

        (await guest.RunAsync(
            $"""
            start_iscsid
            iscsiadm -m node -T $iqn -p $host:{daemon.Port} -o new
            login
            """)).Failed();
    }, Closed);

    [Theory]
    [InlineData("CRC32C", "None")]
    [InlineData("None", "CRC32C")]
    [InlineData("CRC32C", "CRC32C")]
    public Task Data_are_the_same_with_digests(string header, string data) => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(Disk);

        var result = (await guest.RunAsync(
            $"""
            discover {daemon.Port}
            setting node.conn[0].iscsi.HeaderDigest {header}
            setting node.conn[0].iscsi.DataDigest {data}
            login
            disk=$(disk 0)
            iscsiadm -m session -P 2 | grep Digest
            dd if=/dev/urandom of=/tmp/data bs=1M count=24 2>/dev/null
            dd if=/tmp/data of=$disk bs=1M oflag=direct 2>/dev/null
            dd if=$disk of=/tmp/back bs=1M count=24 iflag=direct 2>/dev/null
            cmp /tmp/data /tmp/back
            dd if=/tmp/data of=$disk bs=512 count=200 seek=3 oflag=direct 2>/dev/null
            dd if=$disk of=/tmp/back bs=512 count=200 skip=3 iflag=direct 2>/dev/null
            cmp -n 102400 /tmp/data /tmp/back
            logout
            """)).Succeeded();

        Assert.Equal(header, result.ValueOf("\t\tHeaderDigest:"));
        Assert.Equal(data, result.ValueOf("\t\tDataDigest:"));
    });

    [Fact]
    public Task It_logs_out_and_in_again_twenty_times() => guests.RunAsync(async guest =>
    {
        await using var daemon = await GuestDaemon.ServeAsync(Disk);

        (await guest.RunAsync(
            $"""
            discover {daemon.Port}
            for i in $(seq 20); do
                login >/dev/null
                disk=$(disk 0)
                echo "time $i" | dd of=$disk bs=512 seek=$i conv=sync oflag=direct 2>/dev/null || fail "write $i"
                logout >/dev/null
            done
            login
            disk=$(disk 0)
            for i in $(seq 20); do dd if=$disk bs=512 skip=$i count=1 2>/dev/null | grep -q "time $i" || fail "read $i"; done
            logout
            """)).Succeeded();
        Assert.Equal(0, await daemon.StopAsync());
    });

    private static string ChapScript(int port, string algorithm, string secret) =>
        $"""
        start_iscsid
        iscsiadm -m node -T $iqn -p $host:{port} -o new
        setting node.session.auth.authmethod CHAP
        setting node.session.auth.chap_algs {algorithm}
        setting node.session.auth.username alice
        setting node.session.auth.password {secret}

        """;

    private static string MutualScript(string secret) =>
        $"""
        setting node.session.auth.username_in disk
        setting node.session.auth.password_in {secret}

        """;
}
