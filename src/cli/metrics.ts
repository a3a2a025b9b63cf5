/** `--metrics accuracy,topK:3,f1:micro`: names, behind a colon the k of topK or the average of the others. */
import { METRICS, type MetricInput } from '../spec/metrics.ts';
import { unknownName } from '../spec/parse.ts';

/** @throws SpecError for an unknown name; what else is wrong the spec tells */
export function readMetrics(text: string): MetricInput[] {
  return text.split(',').map((word) => {
    const [type = '', value] = word.trim().split(':');
    if (!Object.hasOwn(METRICS, type)) throw unknownName('--metrics', 'metric', type, Object.keys(METRICS));
    if (value === undefined) return type as MetricInput;
    return {
      type,
      ...(type === 'topK' ? { k: /^\d+$/.test(value) ? Number(value) : value } : { average: value }),
    } as MetricInput;
  });
}
