import type { Trial } from './trial.ts';

export interface User {
  jid: string;
  password: string;
  /** The server's, for port 5222. */
  address: string;
}

/** What each of the two got from the other: the text, `error: CONDITION`, or nothing within the time given. */
export interface Exchange {
  first: string | undefined;
  second: string | undefined;
}

/** Both users sign in and send each other a message (python3-slixmpp). */
export async function exchange(t: Trial, first: User, second: User, seconds: number): Promise<Exchange> {
  const file = t.file('chat.py', script);
  const users = [first, second].flatMap(user => [user.jid, user.password, user.address]);
  const { stdout } = await t.run(['/usr/bin/python3', file, t.ca.root, String(seconds), ...users], {}, { timeout: seconds + 60 });
  if (!stdout.includes('both online')) throw new Error(`the two users did not both sign in:\n${stdout}`);
  const got = (user: User) => new RegExp(`^${user.jid} got (.*)$`, 'm').exec(stdout)?.[1];
  return { first: got(first), second: got(second) };
}

/** The text that `exchange` has a user send. */
export const textOf = (user: User) => `hello from ${user.jid}`;

const script = `import asyncio, sys, slixmpp
root, seconds, *rest = sys.argv[1:]
users = [rest[0:3], rest[3:6]]
online, got = set(), {}
both_online, both_got = asyncio.Event(), asyncio.Event()

class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.ca_certs = root
        self.add_event_handler('session_start', self.begin)
        self.add_event_handler('message', lambda m: self.note(m['body']))
        self.add_event_handler('message_error', lambda m: self.note('error: ' + m['error']['condition']))
        self.add_event_handler('failed_auth', lambda e: print(jid, 'was not let in', flush=True))

    async def begin(self, event):
        self.send_presence()
        online.add(self.boundjid.bare)
        if len(online) == 2: both_online.set()

    def note(self, text):
        got.setdefault(self.boundjid.bare, text)
        if len(got) == 2: both_got.set()

async def main(clients):
    await asyncio.wait_for(both_online.wait(), 60)
    print('both online', flush=True)
    for sender, to in ((clients[0], users[1][0]), (clients[1], users[0][0])):
        sender.send_message(mto=to, mbody='hello from ' + sender.boundjid.bare, mtype='chat')
    try: await asyncio.wait_for(both_got.wait(), float(seconds))
    except asyncio.TimeoutError: pass
    for jid in got: print(jid, 'got', got[jid], flush=True)

clients = [Client(jid, password) for jid, password, _ in users]
for client, (_, _, address) in zip(clients, users): client.connect((address, 5222))
clients[0].loop.run_until_complete(main(clients))
`;
