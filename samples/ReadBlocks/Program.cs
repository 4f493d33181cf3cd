// Logs in to the target of the ServeFile sample, reads the first block and writes it back durably.
using Iscsi.Initiator;
using Iscsi.Storage;

var secret = Environment.GetEnvironmentVariable("ISCSINET_CHAP_SECRET") ?? "correct-horse-battery";

await using var session = await IscsiInitiator.ConnectAsync(
    "iscsi://alice@127.0.0.1/iqn.2026-11.net.example:disk1",
    new() { InitiatorName = "iqn.2026-11.net.example:host1", ChapSecret = secret });
await using var disk = await session.OpenDiskAsync(lun: 0);
var block = new byte[disk.Info.BlockSize];
await disk.ReadAsync(lba: 0, block);
await disk.WriteAsync(lba: 0, block, BlockWriteFlags.ForceUnitAccess);

Console.WriteLine($"{disk.Info.Description}: {disk.Info.LengthBytes} bytes in blocks of {disk.Info.BlockSize}");
