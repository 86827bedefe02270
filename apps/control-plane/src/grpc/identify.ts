/** Asks a process at an address whether it is the worker that announced it. Nothing is given away to one that is not. */
import { Metadata } from '@grpc/grpc-js';
import {
  channelOptions,
  channelTo,
  drawSecret,
  identityProof,
  isSameSecret,
  type TlsIdentity,
  worker,
} from '@triptych/protocol';

/** Whether somebody who has the secret answers at the address. */
export type AnswersAs = (address: string, trainerSecret: string) => Promise<boolean>;

/** A registration waits for it, and its worker for that. */
const PATIENCE_MS = 2000;

export const answersAs =
  (tls: TlsIdentity | undefined): AnswersAs =>
  async (address, trainerSecret) => {
    const challenge = drawSecret();
    const client = new worker.TrainerClient(address, ...channelTo('worker', tls, channelOptions));
    try {
      const proof = await new Promise<string>((resolve, reject) => {
        const options = { deadline: Date.now() + PATIENCE_MS };
        client.identify({ challenge }, new Metadata(), options, (error, answer) =>
          error ? reject(error) : resolve(answer.proof),
        );
      });
      return isSameSecret(proof, identityProof(trainerSecret, challenge));
    } catch {
      return false;
    } finally {
      client.close();
    }
  };
