import { account, newAccount, orders } from './account.ts';
import { authorization, newAuthz } from './authorization.ts';
import { certificate } from './certificate.ts';
import { challenge } from './challenge.ts';
import { asPost, directory, memberDirectory, newNonce, profileDirectory } from './directory.ts';
import { keyChange } from './key-change.ts';
import { finalize, newOrder, order } from './order.ts';
import { renewalInfo } from './renewal-info.ts';
import type { Route } from './request.ts';
import { revokeCert } from './revoke.ts';
import { agreeToTerms, termsPage } from './terms.tsx';

const refusalsAreRecorded = true;

/** RFC 8555 §7.1, in the order of its table; RFC 9773 §4. */
export const routes: Route[] = [
  { method: 'get', path: '/acme/directory', stack: 'open', handler: directory },
  { method: 'get', path: '/acme/p/:profile/directory', stack: 'open', handler: profileDirectory },
  { method: 'get', path: '/acme/m/:secret/directory', stack: 'open', handler: memberDirectory },
  { method: 'get', path: '/acme/new-nonce', stack: 'open', handler: newNonce },
  { method: 'post', path: '/acme/directory', stack: 'either', handler: asPost(directory) },
  { method: 'post', path: '/acme/p/:profile/directory', stack: 'either', handler: asPost(profileDirectory) },
  { method: 'post', path: '/acme/m/:secret/directory', stack: 'either', handler: asPost(memberDirectory) },
  { method: 'post', path: '/acme/new-nonce', stack: 'either', handler: asPost(newNonce) },
  { method: 'post', path: '/acme/new-account', stack: 'jwk', handler: newAccount },
  { method: 'post', path: '/acme/m/:secret/new-account', stack: 'jwk', handler: newAccount },
  { method: 'post', path: '/acme/account/:id', stack: 'kid', handler: account },
  { method: 'post', path: '/acme/account/:id/orders', stack: 'kid', handler: orders },
  { method: 'post', path: '/acme/key-change', stack: 'kid', handler: keyChange, refusalsAreRecorded },
  { method: 'post', path: '/acme/new-order', stack: 'kid', handler: newOrder, refusalsAreRecorded },
  { method: 'post', path: '/acme/p/:profile/new-order', stack: 'kid', handler: newOrder, refusalsAreRecorded },
  { method: 'post', path: '/acme/order/:id', stack: 'kid', handler: order },
  { method: 'post', path: '/acme/order/:id/finalize', stack: 'kid', handler: finalize, refusalsAreRecorded },
  { method: 'post', path: '/acme/new-authz', stack: 'kid', handler: newAuthz, refusalsAreRecorded },
  { method: 'post', path: '/acme/authorization/:id', stack: 'kid', handler: authorization },
  { method: 'post', path: '/acme/challenge/:id', stack: 'kid', handler: challenge },
  { method: 'post', path: '/acme/certificate/:serial', stack: 'kid', handler: certificate },
  { method: 'post', path: '/acme/certificate/:serial/:alternate', stack: 'kid', handler: certificate },
  { method: 'post', path: '/acme/revoke-cert', stack: 'either', handler: revokeCert, refusalsAreRecorded },
  { method: 'get', path: '/acme/renewal-info/:certId', stack: 'open', handler: renewalInfo },
  { method: 'get', path: '/acme/terms/:id/:token', stack: 'open', handler: termsPage },
  { method: 'post', path: '/acme/terms/:id/:token', stack: 'open', handler: agreeToTerms },
];
