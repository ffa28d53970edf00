/** A scrape: values by `name{label="value",…}`, as they stand. */
export type Samples = Map<string, number>;

/** Not-a-number is written in any case, as Go's ParseFloat reads it. */
const labelled =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN|Nan)$/;

/** Prometheus' text format, version 0.0.4, read strictly. @throws Error with the line */
export function readExposition(text: string): Samples {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples: Samples = new Map();
  const families = new Map<string, string>();
  let current = '';
  let helped = '';
  for (const line of text.split('\n')) {
    const fault = (what: string) => new Error(`${what}: ${line}`);
    const [, what, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (line === '') continue;
    if (what === 'HELP') {
      if (families.has(name)) throw fault('a family comes twice');
      helped = name;
    } else if (what === 'TYPE') {
      if (name !== helped || !/^(counter|gauge|histogram|summary)$/.test(rest)) throw fault('no type of the family before');
      families.set(name, rest);
      current = name;
    } else {
      const [, sample = '', , value = ''] = labelled.exec(line) ?? [];
      const type = families.get(current);
      const suffix = sample.startsWith(current) ? sample.slice(current.length) : undefined;
      const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['', '_sum', '_count'] : [''];
      if (!sample || suffix === undefined || !suffixes.includes(suffix)) throw fault('no sample of its family');
      if (type === 'counter' && !sample.endsWith('_total')) throw fault('a counter without _total');
      const key = line.slice(0, line.lastIndexOf(' '));
      if (samples.has(key)) throw fault('a sample comes twice');
      samples.set(key, value.endsWith('Inf') ? Number(value.replace('Inf', 'Infinity')) : Number(value));
    }
  }
  checkHistograms(samples, families);
  return samples;
}

/** Buckets rise, and the last is the count. */
function checkHistograms(samples: Samples, families: Map<string, string>): void {
  let before = 0;
  for (const [key, value] of samples) {
    const [, family = '', labels = ''] = /^(\w+)_bucket\{(.*)\}$/.exec(key) ?? [];
    if (families.get(family) !== 'histogram') continue;
    if (value < before) throw new Error(`a bucket is lower than the one before: ${key} ${value}`);
    before = value;
    if (!labels.includes('le="+Inf"')) continue;
    before = 0;
    const others = labels.split(',').filter(l => !l.startsWith('le='));
    const count = samples.get(`${family}_count${others.length ? `{${others.join(',')}}` : ''}`);
    if (count !== value) throw new Error(`${key} is ${value}, the count ${count}`);
  }
}
