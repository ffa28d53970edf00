/** RFC 3463 §3: what an enhanced status code means, by its last two numbers; the class is said beside it. */
const meanings: Record<string, string> = {
  '1.1': 'there is no such mailbox',
  '1.2': 'there is no such mail domain',
  '1.3': 'the mailbox address is malformed',
  '1.6': 'the mailbox has moved',
  '1.10': 'the domain accepts no mail',
  '2.1': 'the mailbox is disabled',
  '2.2': 'the mailbox is full',
  '2.3': 'the message is too long for the mailbox',
  '4.1': 'the mail server of the domain does not answer',
  '4.4': 'the mail server of the domain cannot be found',
  '4.7': 'delivery took too long',
  '7.1': 'delivery is not authorized',
  '7.23': 'the check of the sender (SPF) failed',
  '7.26': 'the checks of the sender failed',
};

const subjects: Record<string, string> = {
  '0': 'it gave no reason',
  '1': 'the address is not accepted',
  '2': 'the mailbox cannot take it',
  '3': 'the mail system cannot take it',
  '4': 'the way to the mailbox is broken',
  '5': 'the mail servers misunderstood each other',
  '6': 'the content is not accepted',
  '7': 'security or policy forbids it',
};

/** In words, from a code such as `5.1.1`. */
export function enhancedStatusMeaning(code: string): string {
  const [, subject = '', detail = ''] = code.split('.');
  return meanings[`${subject}.${detail}`] ?? subjects[subject] ?? 'the mail server gave an unknown reason';
}
