using Iscsi.Protocol;

namespace Iscsi.Transport;

/// <summary>What a <see cref="PduChannel"/> tells its owner; every call comes from the channel's executor.</summary>
public interface IPduChannelHandler
{
    /// <summary>
    /// PDUs that may be queued while more input is there to handle; so many leave together. Asked after each buffer that was received. Default: 1,
    /// everything leaves before the next buffer is looked at.
    /// </summary>
    int PdusToCollect => 1;

    /// <summary>
    /// A header is complete (<see cref="PduChannel.Parser"/>). The handler says where the payload goes, by
    /// <see cref="PduParser.CollectInto"/> or <see cref="PduParser.DiscardPayload"/>, or ends the channel. It never waits.
    /// </summary>
    void OnHeader();

    /// <summary>The payload of that header is where the handler wanted it, digest checked.</summary>
    void OnPdu();

    /// <summary>The bytes break a rule of framing (<see cref="PduParser.Fault"/>). The handler ends the channel, or prepares the parser to go on.</summary>
    void OnFramingFault();

    /// <summary>The peer closed its side, or the transport failed.</summary>
    /// <param name="insidePdu">Bytes of an incomplete PDU were there.</param>
    /// <param name="error">The transport's error; null for an orderly close.</param>
    void OnInputEnded(bool insidePdu, Exception? error);

    /// <summary>The channel has ended and no operation of the transport uses its memory any more.</summary>
    void OnQuiet();
}

/// <summary>Told when a queued PDU needs its memory no longer.</summary>
public interface IPduSendCompletion
{
    /// <summary>The transport has taken every byte, or the channel ended before. From the channel's executor.</summary>
    /// <param name="tag">What was given when the PDU was queued.</param>
    /// <param name="isSent">False when the channel ended first.</param>
    void OnPduSent(int tag, bool isSent);
}
