import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnv } from './process.ts';

/**
 * Runs a program in namespaces of its own: a network that has only the loopback (so every port is free, and nothing leaves the machine), its own
 * /etc/hosts and /etc/resolv.conf, and process ids of its own, so that all that it started is killed when it ends, or when we do.
 * The result is the exit code.
 */
export async function runInNamespace(folder: string, command: string[]): Promise<number> {
  const script = join(folder, 'inside.sh');
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n');
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\n');
  // ejabberd runs as its own user and listens on port 80 for http-01.
  writeFileSync(
    script,
    `set -e
ip link set lo up
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
mount --bind ${folder}/hosts /etc/hosts
mount --bind ${folder}/resolv.conf /etc/resolv.conf
"$@" || exit $?
exit 0
`,
  );
  const namespaces = ['unshare', '--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...namespaces, 'sh', script, ...command], {
    env: cleanEnv('/root'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    child.kill('SIGKILL');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return interrupted ? 130 : (code ?? 1);
}
