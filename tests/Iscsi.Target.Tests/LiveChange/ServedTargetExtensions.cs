using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.LiveChange;

internal static class ServedTargetExtensions
{
    /// <summary>The one target, as the API shows it.</summary>
    public static ServedTarget Served(this RawTarget target) => target.Server.FindTarget(RawTarget.TargetName)!;
}
