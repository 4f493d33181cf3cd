namespace Iscsi.Protocol;

/// <summary>Responses to a task management function (RFC 7143, 11.6.1).</summary>
public enum TaskManagementResponse : byte
{
    /// <summary>Function complete.</summary>
    FunctionComplete = 0,

    /// <summary>Task does not exist.</summary>
    TaskDoesNotExist = 1,

    /// <summary>LUN does not exist.</summary>
    LunDoesNotExist = 2,

    /// <summary>Task still allegiant.</summary>
    TaskStillAllegiant = 3,

    /// <summary>Task allegiance reassignment not supported.</summary>
    ReassignmentNotSupported = 4,

    /// <summary>Task management function not supported.</summary>
    FunctionNotSupported = 5,

    /// <summary>Function authorization failed.</summary>
    AuthorizationFailed = 6,

    /// <summary>Function succeeded: what a query asked for is so (RFC 7144).</summary>
    FunctionSucceeded = 7,

    /// <summary>Function rejected.</summary>
    FunctionRejected = 255,
}
