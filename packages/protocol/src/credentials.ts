/**
 * With what the processes of a fleet listen and dial: mutual TLS where they have certificates, plain connections where they have none.
 * Every gRPC server and client of the product gets its credentials here.
 *
 * A certificate names a role, not an address: workers come and go at addresses that nobody knows before (docs/adr/0009).
 */
import { type ChannelCredentials, type ClientOptions, credentials, ServerCredentials } from '@grpc/grpc-js';

/** PEM text. */
export interface TlsIdentity {
  /** Whose certificates are believed. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The name that a certificate must have among its subjectAltNames, by what its owner serves. */
export const fleetNames = {
  'control-plane': 'control-plane.triptych',
  worker: 'worker.triptych',
} as const;
export type FleetRole = keyof typeof fleetNames;

/** With TLS, only clients that have a certificate of the same CA are spoken to. */
export function serverCredentials(tls: TlsIdentity | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const { ca, cert, key } = pemOf(tls);
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
}

/** Credentials and options of a client of the one who has the role, for the end of a client's constructor. */
export function channelTo(
  role: FleetRole,
  tls: TlsIdentity | undefined,
  options: ClientOptions = {},
): [ChannelCredentials, ClientOptions] {
  if (!tls) return [credentials.createInsecure(), options];
  const { ca, cert, key } = pemOf(tls);
  const named = { ...options, 'grpc.ssl_target_name_override': fleetNames[role] };
  return [credentials.createSsl(ca, key, cert), named];
}

const pemOf = ({ ca, cert, key }: TlsIdentity) => ({
  ca: Buffer.from(ca),
  cert: Buffer.from(cert),
  key: Buffer.from(key),
});
