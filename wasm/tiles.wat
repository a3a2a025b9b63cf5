;; Sums of tiles of a matrix product: what `PlainTiles` of src/math/product.ts does, two columns in a vector. A lane is an
;; output of its own, to which one term after the other is added: its bits are those of one sum at a time.
(module
  (memory (export "memory") 1)

  ;; As `sum` of `Tiles`. Places are counted in numbers of eight bytes; a row of a tile, packed or summed, has four.
  (func (export "sum") (param $left i32) (param $right i32) (param $terms i32) (param $count i32) (param $sums i32)
    (local $a i32) (local $b i32) (local $end i32) (local $to i32) (local $row v128)
    ;; What the sums of the columns 0 and 1, and 2 and 3, start from; the four columns of the term at hand.
    (local $start0 v128) (local $start1 v128) (local $b0 v128) (local $b1 v128)
    ;; The sums of the tile: two vectors a row.
    (local $s00 v128) (local $s01 v128) (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128) (local $s30 v128) (local $s31 v128)

    (local.set $start0 (v128.load (i32.const 0)))
    (local.set $start1 (v128.load offset=16 (i32.const 0)))
    (local.set $a (i32.shl (local.get $left) (i32.const 3)))
    (local.set $to (i32.shl (local.get $sums) (i32.const 3)))

    (block $done
      (loop $tile
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $s00 (local.get $start0))
        (local.set $s01 (local.get $start1))
        (local.set $s10 (local.get $start0))
        (local.set $s11 (local.get $start1))
        (local.set $s20 (local.get $start0))
        (local.set $s21 (local.get $start1))
        (local.set $s30 (local.get $start0))
        (local.set $s31 (local.get $start1))
        (local.set $b (i32.shl (local.get $right) (i32.const 3)))
        (local.set $end (i32.add (local.get $a) (i32.shl (local.get $terms) (i32.const 5))))

        (block $summed
          (loop $term
            (br_if $summed (i32.eq (local.get $a) (local.get $end)))
            (local.set $b0 (v128.load (local.get $b)))
            (local.set $b1 (v128.load offset=16 (local.get $b)))
            (local.set $row (v128.load64_splat (local.get $a)))
            (local.set $s00 (f64x2.add (local.get $s00) (f64x2.mul (local.get $row) (local.get $b0))))
            (local.set $s01 (f64x2.add (local.get $s01) (f64x2.mul (local.get $row) (local.get $b1))))
            (local.set $row (v128.load64_splat offset=8 (local.get $a)))
            (local.set $s10 (f64x2.add (local.get $s10) (f64x2.mul (local.get $row) (local.get $b0))))
            (local.set $s11 (f64x2.add (local.get $s11) (f64x2.mul (local.get $row) (local.get $b1))))
            (local.set $row (v128.load64_splat offset=16 (local.get $a)))
            (local.set $s20 (f64x2.add (local.get $s20) (f64x2.mul (local.get $row) (local.get $b0))))
            (local.set $s21 (f64x2.add (local.get $s21) (f64x2.mul (local.get $row) (local.get $b1))))
            (local.set $row (v128.load64_splat offset=24 (local.get $a)))
            (local.set $s30 (f64x2.add (local.get $s30) (f64x2.mul (local.get $row) (local.get $b0))))
            (local.set $s31 (f64x2.add (local.get $s31) (f64x2.mul (local.get $row) (local.get $b1))))
            (local.set $a (i32.add (local.get $a) (i32.const 32)))
            (local.set $b (i32.add (local.get $b) (i32.const 32)))
            (br $term)))

        (v128.store (local.get $to) (local.get $s00))
        (v128.store offset=16 (local.get $to) (local.get $s01))
        (v128.store offset=32 (local.get $to) (local.get $s10))
        (v128.store offset=48 (local.get $to) (local.get $s11))
        (v128.store offset=64 (local.get $to) (local.get $s20))
        (v128.store offset=80 (local.get $to) (local.get $s21))
        (v128.store offset=96 (local.get $to) (local.get $s30))
        (v128.store offset=112 (local.get $to) (local.get $s31))
        (local.set $to (i32.add (local.get $to) (i32.const 128)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $tile)))))
