using System.Text;

namespace IscsiNet.Cli.Output;

/// <summary>Rows in aligned columns, two spaces apart; readable on a terminal and in a log alike.</summary>
/// <param name="headings">One a column; a heading that starts with '&gt;' aligns its column right.</param>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, headings.Length);
        _rows.Add(cells);
    }

    public override string ToString()
    {
        string[][] rows = [[.. headings.Select(heading => heading.TrimStart('>'))], .. _rows];
        var widths = headings.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            for (var column = 0; column < row.Length; column++)
            {
                var isLast = column == row.Length - 1;
                var cell = headings[column].StartsWith('>') ? row[column].PadLeft(widths[column])
                    : isLast ? row[column]
                    : row[column].PadRight(widths[column]);
                text.Append(cell).Append(isLast ? "\n" : "  ");
            }
        }

        return text.ToString();
    }
}
