using System.Buffers.Binary;
using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

// SPC-4, PERSISTENT RESERVE OUT parameter list       with REGISTER AND MOVE
//
//      0| RESERVATION KEY (8)                           0| RESERVATION KEY (8)
//      8| SERVICE ACTION RESERVATION KEY (8)            8| SERVICE ACTION RESERVATION KEY (8)
//     16| Obsolete (4)                                 16| Reserved
//     20| Reserved (4) | SPEC_I_PT | ALL_TG_PT         17| Reserved (6) | UNREG | APTPL
//       | Reserved | APTPL                             18| RELATIVE TARGET PORT IDENTIFIER (2)
//     21| Reserved                                     20| TRANSPORTID PARAMETER DATA LENGTH (4)
//     22| Obsolete (2)                                 24| TransportID
//     24| with SPEC_I_PT: TRANSPORTID PARAMETER DATA LENGTH (4), TransportIDs

/// <summary>Reads the parameter list of PERSISTENT RESERVE OUT.</summary>
internal static class PersistentReservationParameterList
{
    /// <summary>Bytes without TransportIDs.</summary>
    public const int Size = 24;

    /// <summary>SERVICE ACTION RESERVATION KEY.</summary>
    public const int ServiceActionKeyAt = 8;

    /// <summary>SPEC_I_PT, ALL_TG_PT, APTPL.</summary>
    public const int FlagsAt = 20;

    /// <summary>UNREG and APTPL of REGISTER AND MOVE.</summary>
    public const int MoveFlagsAt = 17;

    /// <summary>RELATIVE TARGET PORT IDENTIFIER of REGISTER AND MOVE.</summary>
    public const int MoveTargetPortAt = 18;

    private const byte SpecifyInitiatorPorts = 0x08;
    private const byte AllTargetPorts = 0x04;
    private const byte ActivatePersistence = 0x01;
    private const byte Unregister = 0x02;
    private const int MoveLengthAt = 20;
    private const int ListLengthAt = 24;

    /// <summary>Reads the gathered list; fails the request and returns null when it is malformed.</summary>
    public static PersistentReservationRequest? Read(ScsiRequest r)
    {
        if (r.DataOut.Length < r.DataOutNeeded) return LengthError(r);
        Span<byte> list = stackalloc byte[Size];
        r.DataOut.CopyTo(0, list);
        var action = (PersistentReserveOutAction)r.Cdb.ServiceAction;
        var request = new PersistentReservationRequest
        {
            Action = action,
            Scope = (byte)(r.Cdb[2] >> 4),
            Type = (byte)(r.Cdb[2] & 0x0F),
            Key = BinaryPrimitives.ReadUInt64BigEndian(list),
            ServiceActionKey = BinaryPrimitives.ReadUInt64BigEndian(list[ServiceActionKeyAt..]),
        };
        return action == PersistentReserveOutAction.RegisterAndMove ? ReadMove(r, list, request) : ReadBasic(r, list, request);
    }

    private static PersistentReservationRequest? ReadBasic(
        ScsiRequest r, ReadOnlySpan<byte> list, PersistentReservationRequest request)
    {
        var flags = list[FlagsAt];
        request = request with
        {
            SpecifiesInitiatorPorts = (flags & SpecifyInitiatorPorts) != 0,
            AllTargetPorts = (flags & AllTargetPorts) != 0,
            ActivatesPersistence = (flags & ActivatePersistence) != 0,
        };
        // What follows belongs to SPEC_I_PT, which other service actions than REGISTER refuse.
        if (!request.SpecifiesInitiatorPorts) return r.DataOutNeeded == Size ? request : LengthError(r);
        if (request.Action != PersistentReserveOutAction.Register) return request;
        const int start = ListLengthAt + 4;
        if (r.DataOutNeeded < start) return LengthError(r);
        return WithTransportIds(r, request, ReadUInt32(r, ListLengthAt), start);
    }

    private static PersistentReservationRequest? ReadMove(
        ScsiRequest r, ReadOnlySpan<byte> list, PersistentReservationRequest request)
    {
        request = WithTransportIds(r, request, BinaryPrimitives.ReadUInt32BigEndian(list[MoveLengthAt..]), Size)!;
        if (request is null) return null;
        if (request.TransportIds.Length != 1)
        {
            r.InvalidParameter(MoveLengthAt);
            return null;
        }
        return request with
        {
            Unregisters = (list[MoveFlagsAt] & Unregister) != 0,
            ActivatesPersistence = (list[MoveFlagsAt] & ActivatePersistence) != 0,
            TargetPort = BinaryPrimitives.ReadUInt16BigEndian(list[MoveTargetPortAt..]),
        };
    }

    private static PersistentReservationRequest? WithTransportIds(
        ScsiRequest r, PersistentReservationRequest request, uint lengthBytes, int start)
    {
        if (lengthBytes != r.DataOutNeeded - start) return LengthError(r);
        Span<byte> bytes = stackalloc byte[IscsiTransportId.MaxSize];
        var ids = ImmutableArray.CreateBuilder<IscsiTransportId>();
        for (var at = start; at < r.DataOutNeeded;)
        {
            var rest = r.DataOutNeeded - at;
            if (rest < IscsiTransportId.HeaderSize) return LengthError(r);
            r.DataOut.CopyTo(at, bytes[..IscsiTransportId.HeaderSize]);
            var length = IscsiTransportId.LengthOf(bytes);
            if (length > rest) return LengthError(r);
            if (length > 0) r.DataOut.CopyTo(at, bytes[..length]);
            if (length == 0 || !IscsiTransportId.TryRead(bytes[..length], at, out var id))
            {
                r.InvalidParameter(at);
                return null;
            }
            ids.Add(id);
            at += length;
        }
        return request with { TransportIds = ids.ToImmutable() };
    }

    private static uint ReadUInt32(ScsiRequest r, int offsetBytes)
    {
        Span<byte> bytes = stackalloc byte[4];
        r.DataOut.CopyTo(offsetBytes, bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static PersistentReservationRequest? LengthError(ScsiRequest r)
    {
        r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        return null;
    }
}
