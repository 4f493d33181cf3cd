// Allocated bytes are counted for the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
