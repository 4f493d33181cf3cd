// Serves disk.img as LUN 0 to one initiator that knows the secret, until Enter is pressed.
using System.Net;
using Iscsi.Storage;
using Iscsi.Target;

var secret = Environment.GetEnvironmentVariable("ISCSINET_CHAP_SECRET") ?? "correct-horse-battery";

await using var disk = await FileBlockDevice.OpenAsync("disk.img", new() { CreateWithLength = 1L << 30 });
await using var server = new IscsiTargetBuilder()
    .Listen(new IPEndPoint(IPAddress.Loopback, 3260))
    .UseMemory(64 << 20)
    .AddTarget("iqn.2026-11.net.example:disk1", target => target
        .AddLun(0, disk)
        .AllowInitiators("iqn.2026-11.net.example:host1")
        .RequireChap("alice", secret))
    .Build();
await server.StartAsync();

Console.WriteLine(server.Budget.Describe());
Console.WriteLine($"listening on {server.Endpoints[0]}; Enter stops");
Console.ReadLine();
await server.StopAsync();
