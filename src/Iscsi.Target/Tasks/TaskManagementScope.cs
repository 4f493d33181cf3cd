namespace Iscsi.Target.Tasks;

/// <summary>What a task management function is addressed to (SAM-5, task management functions).</summary>
internal enum TaskManagementScope
{
    /// <summary>One task, by its tag; the LUN is the task's.</summary>
    Task,

    /// <summary>The logical unit of the LUN, which must exist.</summary>
    Unit,

    /// <summary>The nexus, whatever the LUN says.</summary>
    Nexus,

    /// <summary>The target, whatever the LUN says.</summary>
    Target,
}
