using Iscsi.Target.State;

namespace Iscsi.Target.Tests.State;

public sealed class UnitStateTests
{
    [Fact]
    public void What_was_set_is_there_after_a_restart_and_what_was_removed_is_not()
    {
        var disk = new CutDisk { CutAt = int.MaxValue };
        new UnitState(disk).Set(("mode-page/08", "0812 04"), ("gone", ""));
        new UnitState(disk).Set(("gone", null));
        var state = new UnitState(disk);
        Assert.Equal("0812 04", state.Get("mode-page/08"));
        Assert.Null(state.Get("gone"));
    }

    [Fact]
    public void After_a_power_cut_all_changes_of_one_call_are_there_or_none()
    {
        for (var cut = 0; cut <= CutDisk.Steps; cut++)
        {
            for (var outcome = 0; outcome < CutDisk.OutcomesOf(cut); outcome++)
            {
                var disk = new CutDisk { Durable = UnitStateText.Encode([new("a", "old"), new("b", "old")]), CutAt = cut };
                var state = new UnitState(disk);
                var isDone = true;
                try
                {
                    state.Set(("a", "new"), ("b", "new"));
                }
                catch (IOException)
                {
                    isDone = false;
                }
                Assert.Equal(cut == CutDisk.Steps, isDone);
                Assert.Equal(isDone ? "new" : "old", state.Get("a"));
                disk.Lose(outcome);
                var after = new UnitState(disk);
                Assert.Equal(after.Get("a"), after.Get("b"));
                if (isDone) Assert.Equal("new", after.Get("a"));
            }
        }
    }

    [Fact]
    public void Every_truncation_and_every_flipped_bit_stops_the_start_with_advice()
    {
        var whole = UnitStateText.Encode([new("sanitize", "overwrite 4096")]);
        for (var length = 0; length < whole.Length; length++) Check(whole[..length]);
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var torn = (byte[])whole.Clone();
            torn[bit / 8] ^= (byte)(1 << (bit % 8));
            Check(torn);
        }

        static void Check(byte[] content)
        {
            var disk = new CutDisk { Durable = content };
            var error = Assert.Throws<InvalidDataException>(() => new UnitState(disk));
            Assert.Contains(disk.Path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_a_file_values_last_as_long_as_the_unit()
    {
        var state = new UnitState();
        Assert.False(state.IsKept);
        state.Set(("a", "1"));
        Assert.Equal("1", state.Get("a"));
    }

    [Fact]
    public void A_line_that_is_no_name_and_value_is_no_state() =>
        Assert.Null(UnitStateText.Decode(ChecksummedText.Encode("iscsinet unit state 1\nnameonly\n")));
}
