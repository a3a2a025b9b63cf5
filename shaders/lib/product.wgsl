// What every product of two matrices is told. The kernel provides
// - `row_fours()`, `column_fours()`: rows and columns of the result / 4, rounded up;
// - `left_at(four)`, `right_at(four)`: where four rows of the left, four columns of the right factor lie, in its own terms;
// - `left_block(at, k)`, `right_block(at, k)`: terms 4k to 4k + 3 of these, a row of the block for each term;
// - `left_rows(at, term)`, `right_columns(at, term)`: one term of these;
// - `store(row, column, sum)`: takes a vec4 of the result; `column` counts vec4s, rows may lie in the padding.

override WORKGROUP: u32 = 64;
override INNER_FOURS: u32;       // terms / 4, rounded up
