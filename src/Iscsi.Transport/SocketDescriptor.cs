using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Iscsi.Transport;

/// <summary>
/// A socket of an event loop. Closing it is orderly: what was sent is still delivered. (The framework's handle, closed without its Socket,
/// resets the connection.)
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed partial class SocketDescriptor : SafeHandleZeroOrMinusOneIsInvalid
{
    public SocketDescriptor(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
