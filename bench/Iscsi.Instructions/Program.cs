using System.Runtime.InteropServices;
using Iscsi.Instructions;

// A fixed workload on one thread, for counting instructions (bench/instructions.sh runs it under callgrind). Every scenario runs twice: the first
// time fills pools and tables, the second is the one that counts.
using var scenarios = new Scenarios();
for (var pass = 0; pass < 2; pass++)
{
    scenarios.Login();
    scenarios.Read4KiB();
    scenarios.Write4KiB();
    scenarios.Read64KiB();
    scenarios.Write64KiB();
    scenarios.Read4KiBWithDigests();
    scenarios.Write4KiBWithDigests();
}
// What a count may be compared with.
Console.WriteLine($"runtime {Environment.Version} {RuntimeInformation.ProcessArchitecture}");
foreach (var (name, operations) in Scenarios.Operations) Console.WriteLine($"{name} {operations}");
