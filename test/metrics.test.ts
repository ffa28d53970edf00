import assert from 'node:assert/strict';
import { createMetrics, type Levels } from '../src/metrics.ts';
import { readExposition } from './kit/exposition.ts';

const now = 1_790_000_000;

describe('metrics', () => {
  const levels: Levels = {
    unsealed: 3,
    outbox: { queued: 3, dead: 1 },
    webhooks: { well: 2, failing: 0, disabled: 1 },
    deliveries: { queued: 5, dead: 4 },
    crls: [0, 1].map(shard => ({
      issuerId: 'aabb',
      shard,
      thisUpdate: now - 60,
      nextUpdate: now + 600,
      revocations: 5,
      unpublished: shard,
    })),
  };
  const read = async (metrics = createMetrics(() => now), what?: Levels) => readExposition((await metrics.read(what)).text);

  it('begin with what a rate needs, and say what they are', async () => {
    const { type, text } = await createMetrics(() => now).read(undefined);
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    for (const [, name, help] of text.matchAll(/^# HELP (xmpp_ca_\w+) (.*)$/gm)) assert.ok((help ?? '').length > 5, name);
    const samples = readExposition(text);
    assert.equal(samples.get('xmpp_ca_certificates_issued_total{profile="xmpp-server"}'), 0);
    assert.equal(samples.get('xmpp_ca_certificates_abandoned_total'), 0);
  });

  it('are of one server, though several be in a process; what is of the process is in each', async () => {
    const [one, two] = [createMetrics(() => now), createMetrics(() => now)];
    one.issued('xmpp-server');
    const key = 'xmpp_ca_certificates_issued_total{profile="xmpp-server"}';
    const [first, second] = [await read(one), await read(two)];
    assert.deepEqual([first.get(key), second.get(key)], [1, 0]);
    for (const samples of [first, second]) assert.ok(samples.has('process_start_time_seconds'));
  });

  it('show what the database says now, and nothing of before where it is silent', async () => {
    const metrics = createMetrics(() => now);
    const samples = await read(metrics, levels);
    assert.equal(samples.get('xmpp_ca_database_up'), 1);
    assert.equal(samples.get('xmpp_ca_outbox_messages{state="dead"}'), 1);
    assert.equal(samples.get('xmpp_ca_webhooks{status="disabled"}'), 1);
    assert.equal(samples.get('xmpp_ca_webhook_deliveries{state="dead"}'), 4);
    assert.equal(samples.get('xmpp_ca_crl_age_seconds{issuer="aabb",shard="1"}'), 60);
    assert.equal(samples.get('xmpp_ca_crl_remaining_seconds{issuer="aabb",shard="1"}'), 600);
    assert.equal(samples.get('xmpp_ca_crl_unpublished_revocations{issuer="aabb",shard="1"}'), 1);
    const fewer = await read(metrics, { ...levels, crls: levels.crls.slice(0, 1) });
    assert.ok(!fewer.has('xmpp_ca_crl_age_seconds{issuer="aabb",shard="1"}'));
    const silent = await read(metrics);
    assert.equal(silent.get('xmpp_ca_database_up'), 0);
    assert.deepEqual(
      [...silent.keys()].filter(k => /xmpp_ca_(crl|outbox|webhook)/.test(k)),
      [],
    );
  });

  it('know of a job how late, how long, how it ended, and when it last went well', async () => {
    const metrics = createMetrics(() => now);
    metrics.beginJob('a', 0.25)('done');
    metrics.beginJob('b', 2)('failed');
    metrics.beginJob('c', 0);
    const samples = await read(metrics);
    assert.equal(samples.get('xmpp_ca_job_lag_seconds{name="a"}'), 0.25);
    assert.equal(samples.get('xmpp_ca_job_seconds_count{name="a",outcome="done"}'), 1);
    assert.equal(samples.get('xmpp_ca_job_seconds_count{name="b",outcome="failed"}'), 1);
    assert.equal(samples.get('xmpp_ca_job_last_success_timestamp_seconds{name="a"}'), now);
    assert.ok(!samples.has('xmpp_ca_job_last_success_timestamp_seconds{name="b"}'));
    assert.equal(samples.get('xmpp_ca_job_seconds_count{name="a",outcome="failed"}'), 0);
    assert.equal(samples.get('xmpp_ca_job_seconds_count{name="c",outcome="done"}'), 0);
    metrics.beginJob('a', 0)('done');
    assert.equal((await read(metrics)).get('xmpp_ca_job_seconds_count{name="a",outcome="done"}'), 2);
  });
});

describe('the reader of expositions', () => {
  const family = '# HELP a_total A\n# TYPE a_total counter\n';
  const histogram = '# HELP h H\n# TYPE h histogram\n';

  it('reads what is right', () => {
    assert.deepEqual([...readExposition(`${family}a_total{b="c\\"d",e="f"} 1e3\na_total 2\n`).values()], [1000, 2]);
    readExposition(`${histogram}h_bucket{le="1",a="b"} 1\nh_bucket{le="+Inf",a="b"} 2\nh_sum{a="b"} 3\nh_count{a="b"} 2\n`);
  });

  const wrong: Record<string, string> = {
    'a line without end': `${family}a_total 1`,
    'a sample without family': 'a_total 1\n',
    'a type without help': '# TYPE a_total counter\na_total 1\n',
    'a sample of another family': `${family}b 1\n`,
    'a sample twice': `${family}a_total 1\na_total 2\n`,
    'a family twice': `${family}${family}`,
    'a label without quotes': `${family}a_total{b=c} 1\n`,
    'a value that is none': `${family}a_total one\n`,
    'buckets that fall': `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    'a count that is not the last bucket': `${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
  };
  for (const [what, text] of Object.entries(wrong)) it(`refuses ${what}`, () => assert.throws(() => readExposition(text)));
});
