using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;

namespace Iscsi.Target;

/// <summary>A target as the server runs it.</summary>
internal sealed class TargetDefinition
{
    /// <summary>The portal group of portals that name none. The portals of a group are one SCSI target port (RFC 7143, 4.4).</summary>
    public const ushort DefaultPortalGroupTag = 1;

    private volatile TargetAccess _access;

    public TargetDefinition(string name, TargetAccess access, MemoryBudget budget, TimeProvider clock, TargetPortGroups portGroups)
    {
        Name = name;
        _access = access;
        Units = new LogicalUnitMap(name, new ScsiLimits { AllAtOnceBytes = budget.AllAtOnceBytes }, clock, portGroups);
    }

    public string Name { get; }

    /// <summary>Who may log in from now on.</summary>
    public TargetAccess Access
    {
        get => _access;
        set => _access = value;
    }

    public LogicalUnitMap Units { get; }

    /// <summary>Whether no session is admitted any more. Guarded by the session registry.</summary>
    public bool IsRemoved { get; set; }
}
