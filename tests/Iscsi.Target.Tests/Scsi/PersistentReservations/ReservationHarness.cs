using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Tests.Scsi.PersistentReservations;

/// <summary>A logical unit and three hosts that share it: A, B, C.</summary>
internal sealed class ReservationHarness
{
    public const ulong KeyA = 0xA1A2A3A4A5A6A7A8;
    public const ulong KeyB = 0xB1B2B3B4B5B6B7B8;
    public const ulong KeyC = 0xC1C2C3C4C5C6C7C8;

    public ReservationHarness()
    {
        A = Attach("a");
        B = Attach("b");
        C = Attach("c");
    }

    public ScsiHarness Scsi { get; } = ScsiHarness.WithEverything();

    public ScsiNexus A { get; }

    public ScsiNexus B { get; }

    public ScsiNexus C { get; }

    public PersistentReservationState State => Scsi.Unit.Reservations.State;

    public ScsiNexus Attach(string name)
    {
        var nexus = new ScsiNexus($"iqn.2026-11.net.example:{name}", 0x400000000000UL + name[0], 1);
        Scsi.Units.Attach(nexus);
        nexus.ClearAll(UnitAttention.All);
        return nexus;
    }

    public static byte[] OutCdb(PersistentReserveOutAction action, byte scopeAndType = 0, int length = 24) =>
        [OperationCode.PersistentReserveOut, (byte)action, scopeAndType, 0, 0, 0, 0, (byte)(length >> 8), (byte)length, 0];

    public static byte[] List(ulong key, ulong serviceActionKey = 0, byte flags = 0, params ReadOnlySpan<byte> more)
    {
        var list = new byte[24 + more.Length];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), serviceActionKey);
        list[20] = flags;
        more.CopyTo(list.AsSpan(24));
        return list;
    }

    public ScsiRequest Out(ScsiNexus from, PersistentReserveOutAction action, byte[] list, byte scopeAndType = 0) =>
        Scsi.Run(OutCdb(action, scopeAndType, list.Length), list, nexus: from);

    public ScsiStatus Out(
        ScsiNexus from, PersistentReserveOutAction action, ulong key, ulong serviceActionKey = 0, PersistentReservationType type = PersistentReservationType.None) =>
        Out(from, action, List(key, serviceActionKey), (byte)type).Status;

    public void Register(ScsiNexus nexus, ulong key) =>
        Assert.Equal(ScsiStatus.Good, Out(nexus, PersistentReserveOutAction.Register, 0, key));

    public void Reserve(ScsiNexus nexus, ulong key, PersistentReservationType type) =>
        Assert.Equal(ScsiStatus.Good, Out(nexus, PersistentReserveOutAction.Reserve, key, type: type));

    public byte[] In(byte serviceAction, ushort allocationLength = 8192, ScsiNexus? nexus = null)
    {
        var r = Scsi.Run(
            [OperationCode.PersistentReserveIn, serviceAction, 0, 0, 0, 0, 0, (byte)(allocationLength >> 8), (byte)allocationLength, 0],
            nexus: nexus ?? A);
        Assert.Equal(ScsiStatus.Good, r.Status);
        return Scsi.Data;
    }

    public UnitAttention Pending(ScsiNexus nexus) => nexus.Pending(Scsi.Unit);

    public static byte[] PortTransportId(string name, ulong isid)
    {
        var bytes = new byte[IscsiTransportId.MaxSize];
        return bytes[..IscsiTransportId.Write(new NexusName(name, isid, 1), bytes)];
    }

    public static byte[] DeviceTransportId(string name)
    {
        var length = Math.Max(20, (name.Length + 1 + 3) / 4 * 4);
        var bytes = new byte[4 + length];
        bytes[0] = 0x05;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)length);
        System.Text.Encoding.UTF8.GetBytes(name, bytes.AsSpan(4));
        return bytes;
    }
}
