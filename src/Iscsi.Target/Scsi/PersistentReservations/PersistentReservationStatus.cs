using System.Buffers.Binary;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>The parameter data of PERSISTENT RESERVE IN (SPC-4).</summary>
internal static class PersistentReservationStatus
{
    private const int FullStatusDescriptorSize = 24;

    //      0| PRGENERATION (4)                  4| ADDITIONAL LENGTH (4)            8| reservation keys (8 each)
    public static ScsiStep ReadKeys(ScsiRequest r)
    {
        var state = r.Unit!.Reservations.State;
        var writer = new ParameterDataWriter(r, r.Cdb.UInt16(7));
        writer.PutUInt32(state.Generation);
        writer.PutUInt32((uint)state.Registrations.Length * 8);
        foreach (var registration in state.Registrations) writer.PutUInt64(registration.Key);
        return writer.Good();
    }

    //      0| PRGENERATION (4)                  4| ADDITIONAL LENGTH (4): 0 or 16
    //      8| RESERVATION KEY (8)              16| Obsolete (4)
    //     20| Reserved                         21| SCOPE (4) | TYPE (4)            22| Obsolete (2)
    public static ScsiStep ReadReservation(ScsiRequest r)
    {
        const uint reservationLength = 16;
        var state = r.Unit!.Reservations.State;
        var writer = new ParameterDataWriter(r, r.Cdb.UInt16(7));
        writer.PutUInt32(state.Generation);
        writer.PutUInt32(state.IsReserved ? reservationLength : 0);
        if (state.IsReserved)
        {
            writer.PutUInt64(state.HolderKey);
            writer.PutUInt32(0);
            writer.Put([0, (byte)state.Type, 0, 0]);
        }
        return writer.Good();
    }

    //      0| LENGTH (2): 8
    //      2| RLR_C | Reserved (2) | CRH | SIP_C | ATP_C | Reserved | PTPL_C
    //      3| TMV | ALLOW COMMANDS (3) | Reserved (3) | PTPL_A
    //      4| PERSISTENT RESERVATION TYPE MASK (2)      6| Reserved (2)
    public static ScsiStep ReportCapabilities(ScsiRequest r)
    {
        const byte compatibleReservationHandling = 0x10;
        const byte specifyInitiatorPortsCapable = 0x08;
        const byte allTargetPortsCapable = 0x04;
        const byte persistCapable = 0x01;
        const byte typeMaskValid = 0x80;
        // TEST UNIT READY passes every reservation; about other commands nothing is said here.
        const byte allowsTestUnitReady = 0x10;
        var reservations = r.Unit!.Reservations;
        Span<byte> data = [0, 8, 0, 0, 0, 0, 0, 0];
        data[2] = (byte)(compatibleReservationHandling | specifyInitiatorPortsCapable | allTargetPortsCapable |
            (reservations.Limits.CanPersist ? persistCapable : 0));
        data[3] = (byte)(typeMaskValid | allowsTestUnitReady | (reservations.State.PersistsThroughPowerLoss ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(data[4..], PersistentReservationTypes.Mask);
        return r.Reply(data, r.Cdb.UInt16(7));
    }

    /// <summary>Bytes of READ FULL STATUS.</summary>
    public static int FullStatusBytes(IReadOnlyCollection<PersistentReservationRegistration> registrations)
    {
        var bytes = 8;
        foreach (var registration in registrations) bytes += FullStatusDescriptorSize + IscsiTransportId.SizeOf(registration.Nexus);
        return bytes;
    }

    //      0| PRGENERATION (4)                  4| ADDITIONAL LENGTH (4)
    //      8| full status descriptors:
    //             0| RESERVATION KEY (8)               8| Reserved (4)
    //            12| Reserved (6) | ALL_TG_PT | R_HOLDER
    //            13| SCOPE (4) | TYPE (4), of a holder
    //            14| Reserved (4)                     18| RELATIVE TARGET PORT IDENTIFIER (2)
    //            20| ADDITIONAL DESCRIPTOR LENGTH (4) 24| TransportID
    //
    // ALL_TG_PT is never set: a registration on all target ports is kept, and told, as one for each.
    public static ScsiStep WriteFullStatus(ScsiRequest r, PersistentReservationState state)
    {
        var writer = new ParameterDataWriter(r, r.Cdb.UInt16(7));
        writer.PutUInt32(state.Generation);
        writer.PutUInt32((uint)FullStatusBytes(state.Registrations) - 8);
        Span<byte> descriptor = stackalloc byte[FullStatusDescriptorSize + IscsiTransportId.MaxSize];
        foreach (var (nexus, key) in state.Registrations)
        {
            descriptor.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(descriptor, key);
            if (state.IsHolder(nexus))
            {
                descriptor[12] = 1;
                descriptor[13] = (byte)state.Type;
            }
            BinaryPrimitives.WriteUInt16BigEndian(descriptor[18..], nexus.TargetPort);
            var length = IscsiTransportId.Write(nexus, descriptor[FullStatusDescriptorSize..]);
            BinaryPrimitives.WriteUInt32BigEndian(descriptor[20..], (uint)length);
            writer.Put(descriptor[..(FullStatusDescriptorSize + length)]);
        }
        return writer.Good();
    }
}
