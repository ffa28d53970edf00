import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from './openssl.ts';
import { Daemon, readText } from './process.ts';
import type { Trial } from './trial.ts';

/** One Prosody of Debian's package on port 5222 and 5269 of `address`, without dialback, trusting our root only. */
export class Prosody {
  readonly log: string;
  readonly pidFile: string;
  readonly #t: Trial;
  readonly #folder: string;
  readonly #config: string;
  readonly #domain: string;
  readonly #address: string;
  #daemon: Daemon | undefined;

  constructor(t: Trial, domain: string, address: string) {
    this.#t = t;
    this.#domain = domain;
    this.#address = address;
    this.#folder = join(t.folder, 'prosody');
    for (const name of ['data', 'certs', 'plugins']) mkdirSync(join(this.#folder, name), { recursive: true });
    this.#config = join(this.#folder, 'prosody.cfg.lua');
    this.log = join(this.#folder, 'log');
    this.pidFile = join(this.#folder, 'pid');
    writeFileSync(join(this.#folder, 'plugins', 'mod_says_who.lua'), saysWho);
    t.logs.push(this.log);
    t.defer(() => this.stop());
  }

  /** @param s2s how it judges other servers: `s2s_ssl` and what else that takes */
  async start(
    issued: Issued,
    s2s = `s2s_ssl = { cafile = "${this.#t.ca.root}"; key = "${issued.key}"; certificate = "${issued.chain}" }\ns2s_secure_auth = true`,
  ): Promise<void> {
    await this.stop();
    writeFileSync(this.#config, configuration(this.#folder, this.#domain, this.#address, issued, s2s));
    const from = readText(this.log).length;
    this.#daemon = new Daemon('prosody', ['prosody', '-F', '--config', this.#config], join(this.#folder, 'out'));
    await this.#daemon.ready(() => new RegExp(`Activated service 's2s' on \\[${this.#address}\\]:5269`).test(this.logged(from)));
  }

  async register(user: string, password: string): Promise<void> {
    await this.#t.run(['prosodyctl', '--config', this.#config, '--root', 'register', user, this.#domain, password]);
  }

  logged(from = 0): string {
    return readText(this.log).slice(from);
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }
}

/** Says at info level who was authenticated, in which direction and how. */
const saysWho = `module:set_global()
local function hook(module)
  module:hook("s2s-authenticated", function (e)
    module:log("info", "authenticated %s %s -> %s by %s", e.session.direction, e.session.from_host, e.session.to_host, tostring(e.mechanism))
  end)
end
function module.add_host(module) hook(module) end
`;

function configuration(folder: string, domain: string, address: string, issued: Issued, s2s: string): string {
  return `run_as_root = true
data_path = "${folder}/data"; pidfile = "${folder}/pid"; certificates = "${folder}/certs"
plugin_paths = { "${folder}/plugins" }
log = { { levels = { min = "debug" }, to = "file", filename = "${folder}/log", timestamps = true } }
interfaces = { "${address}" }; use_ipv6 = false
modules_enabled = { "roster", "saslauth", "tls", "disco", "posix", "says_who" }; modules_disabled = { "dialback" }
authentication = "internal_plain"
s2s_direct_tls_ports = {}; c2s_direct_tls_ports = {}; http_ports = {}; https_ports = {}
unbound = { options = { ["local-zone:"] = "test. transparent" } }
ssl = { key = "${issued.key}"; certificate = "${issued.chain}" }
${s2s}
VirtualHost "${domain}"
Component "conference.${domain}" "muc"
`;
}
