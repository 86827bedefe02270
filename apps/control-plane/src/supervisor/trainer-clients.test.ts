import { expect, test } from 'vitest';
import { TrainerClients } from './trainer-clients.ts';

test('a connection goes a minute after its worker, and one for each worker that ever was is not kept', () => {
  const clients = new TrainerClients();
  for (let i = 0; i < 20; i += 1) clients.at(`10.0.0.${i}:7000`);
  const here = ['10.0.0.3:7000', '10.0.0.4:7000'];
  clients.keepOnly(here, 0);
  expect(clients.size).toBe(20);
  // One comes back in time.
  clients.keepOnly([...here, '10.0.0.5:7000'], 59_000);
  clients.keepOnly(here, 61_000);
  expect(clients.size).toBe(3);
  clients.keepOnly(here, 122_000);
  expect(clients.size).toBe(2);
  const kept = clients.at('10.0.0.3:7000');
  clients.keepOnly(here, 1_000_000);
  expect(clients.at('10.0.0.3:7000')).toBe(kept);
  clients.close();
});
