import { expect, test } from 'vitest';
import { TrainerClients } from './trainer-clients.ts';

test('a connection goes a minute after its worker, and one for each worker that ever was is not kept', () => {
  const registry = {
    contact: (id: string) => ({ address: `10.0.0.${id.slice(1)}:7000`, trainerSecret: 's' }),
  };
  const clients = new TrainerClients({ registry });
  for (let i = 0; i < 20; i += 1) clients.of(`w${i}`);
  const here = ['w3', 'w4'];
  clients.keepOnly(here, 0);
  expect(clients.size).toBe(20);
  // One comes back in time.
  clients.keepOnly([...here, 'w5'], 59_000);
  clients.keepOnly(here, 61_000);
  expect(clients.size).toBe(3);
  clients.keepOnly(here, 122_000);
  expect(clients.size).toBe(2);
  const kept = clients.of('w3');
  clients.keepOnly(here, 1_000_000);
  expect(clients.of('w3')).toBe(kept);
  clients.close();
});
