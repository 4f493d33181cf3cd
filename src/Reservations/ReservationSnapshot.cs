namespace Reservations;

/// <summary>A consistent picture of the tree.</summary>
/// <param name="Text">Lines for a person.</param>
public sealed record ReservationSnapshot(string Text);
