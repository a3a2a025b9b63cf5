// The classic cost surfaces by number: value and gradient; the formulas stand in src/math/test_functions.ts.
// uses: lib/math.wgsl

const BOWL = 0u;
const ROSENBROCK = 1u;
const HIMMELBLAU = 2u;
const BEALE = 3u;
const SADDLE = 4u;
const RASTRIGIN = 5u;
const SIX_HUMP_CAMEL = 6u;
const QUADRATIC = 7u;
const DOUBLE_WELL = 8u;
const WAVY = 9u;

// (f, df/dx, df/dy); y is 0 for functions of one parameter.
fn test_function(kind: u32, x: f32, y: f32) -> vec3<f32> {
  let xx = x * x;
  let yy = y * y;
  switch kind {
    case BOWL: { return vec3<f32>(0.1 * xx + 2.0 * yy, 0.2 * x, 4.0 * y); }
    case ROSENBROCK: {
      let a = 1.0 - x;
      let b = y - xx;
      return vec3<f32>(a * a + 100.0 * b * b, -2.0 * a - 400.0 * x * b, 200.0 * b);
    }
    case HIMMELBLAU: {
      let a = xx + y - 11.0;
      let b = x + yy - 7.0;
      return vec3<f32>(a * a + b * b, 4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b);
    }
    case BEALE: {
      let c = vec3<f32>(1.0 - y, 1.0 - yy, 1.0 - yy * y);
      let r = vec3<f32>(1.5, 2.25, 2.625) - x * c;
      return vec3<f32>(dot(r, r), -2.0 * dot(r, c), 2.0 * x * (r.x + 2.0 * r.y * y + 3.0 * r.z * yy));
    }
    case SADDLE: { return vec3<f32>(xx + yy * (0.25 * yy - 1.0), 2.0 * x, y * (yy - 2.0)); }
    case RASTRIGIN: {
      let c = turn(x);
      let d = turn(y);
      let value = 20.0 + xx - 10.0 * c.x + yy - 10.0 * d.x;
      return vec3<f32>(value, 2.0 * x + 62.8318531 * c.y, 2.0 * y + 62.8318531 * d.y);
    }
    case SIX_HUMP_CAMEL: {
      let value = (4.0 - 2.1 * xx + xx * xx / 3.0) * xx + x * y + (4.0 * yy - 4.0) * yy;
      return vec3<f32>(value, x * (8.0 - 8.4 * xx + 2.0 * xx * xx) + y, x + y * (16.0 * yy - 8.0));
    }
    case DOUBLE_WELL: {
      let a = xx - 1.0;
      return vec3<f32>(a * a + 0.3 * x, 4.0 * x * a + 0.3, 0.0);
    }
    case WAVY: {
      let c = turn(0.5 * x);
      return vec3<f32>(0.25 * xx + 1.0 - c.x, 0.5 * x + 3.14159265 * c.y, 0.0);
    }
    default: { return vec3<f32>(xx, 2.0 * x, 0.0); }
  }
}
