//! Tables as docker prints them: columns of at least some width, with space after the widest cell.

/// The space after the widest cell of a column.
const GAP: usize = 3;

/// Lines of a table. The last column is as wide as its cells.
pub fn lines(least: usize, heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        let head = heads.get(column).map_or(0, |head| head.len());
        (cells.chain([head]).max().unwrap_or_default() + GAP).max(least)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_three_more() {
        let rows = [vec!["web".to_owned(), "nginx".to_owned()], vec!["a-long-name".to_owned(), String::new()]];
        assert_eq!(lines(10, &["NAME", "IMAGE"], &rows), "NAME          IMAGE\nweb           nginx\na-long-name\n");
    }
}
