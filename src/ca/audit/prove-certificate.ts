import type { Ctx } from '../../ctx.ts';
import { sealedRecordOf } from '../../store/audit.ts';
import { findCertificate } from '../../store/certificates.ts';
import { currentLog, newestCheckpoint, tilesOf } from '../../store/log.ts';
import { inclusionProof } from '../../tlog/merkle.ts';
import { writeProof } from '../../tlog/proof.ts';
import { nodesOf } from '../../tlog/tiles.ts';
import { readEntries } from './read-entries.ts';

export interface CertificateProof {
  index: number;
  size: number;
  /** C2SP tlog-proof. */
  text: string;
}

/** That the issuance of a certificate is in the log as it was signed last. @returns undefined where it is not, or not yet */
export async function proveCertificate({ db }: Pick<Ctx, 'db'>, serial: string): Promise<CertificateProof | undefined> {
  const certificate = await findCertificate(db, serial);
  const record =
    certificate?.state === 'issued'
      ? await sealedRecordOf(db, ['certificate.issued', 'credential.issued'], serial, certificate.committedAt)
      : undefined;
  const log = await currentLog(db);
  const newest = log && (await newestCheckpoint(db, log.id));
  const index = record?.seal?.index;
  if (index === undefined || !newest || index >= newest.size) return undefined;
  const read = nodesOf(tilesOf(db));
  const hashes = await inclusionProof(read, index, newest.size);
  const [entry = new Uint8Array()] = await readEntries(db, index, 1);
  return { index, size: newest.size, text: writeProof({ entry, index, hashes, checkpoint: newest.note }) };
}
