import { describe, expect, it } from 'vitest';
import { type Frame, framesOf } from './frame.ts';
import { GroupAborted } from './group-aborted.ts';
import { Mailbox } from './mailbox.ts';
import { tagOf } from './phase.ts';

const label = { operation: 1, tag: tagOf('broadcast') };
const message = (...bytes: number[]): Frame[] => [
  ...framesOf({ ...label, content: Uint8Array.from(bytes) }, 2),
];

describe('mailbox', () => {
  it('puts the frames of a message together, straight into the memory of the receive', async () => {
    const mailbox = new Mailbox(0);
    const into = new Uint8Array(5);
    const received = mailbox.receive({ ...label, from: 0, into });
    for (const frame of message(1, 2, 3, 4, 5)) expect(mailbox.deliver(frame)).toBeUndefined();
    expect(await received).toBe(into);
    expect([...into]).toEqual([1, 2, 3, 4, 5]);
  });

  it('holds a frame that nobody waits for, and says when it was taken', async () => {
    const mailbox = new Mailbox(0);
    const [frame] = message(7);
    let taken = false;
    const held = mailbox.deliver(frame!)?.then(() => {
      taken = true;
    });
    expect(held).toBeInstanceOf(Promise);
    await Promise.resolve();
    expect(taken).toBe(false);
    expect([...(await mailbox.receive({ ...label, from: 0 }))]).toEqual([7]);
    await held;
    expect(taken).toBe(true);
  });

  it('takes an empty message as one empty frame', async () => {
    const mailbox = new Mailbox(0);
    const received = mailbox.receive({ ...label, from: 0 });
    expect(message().length).toBe(1);
    for (const frame of message()) mailbox.deliver(frame);
    expect((await received).byteLength).toBe(0);
  });

  it('blames the peer for what was not expected: another operation, another length, a gap', () => {
    const unexpected: [Frame, RegExp][] = [
      [
        { ...message(1, 2, 3)[0]!, operation: 2 },
        /rank 4 sent operation 2, broadcast where operation 1, broadcast/,
      ],
      [{ ...message(1, 2, 3)[0]!, total: 9 }, /rank 4 sent 9 bytes .* where 3 was expected/],
      [message(1, 2, 3)[1]!, /rank 4 sent bytes 2\+1 of 3 where from 0 on was expected/],
    ];
    for (const [frame, complaint] of unexpected) {
      const mailbox = new Mailbox(4);
      mailbox.receive({ ...label, from: 4, into: new Uint8Array(3) }).catch(() => undefined);
      expect(() => mailbox.deliver(frame)).toThrow(complaint);
    }
  });

  it('takes no memory for what a frame only claims, and nothing that does not bring the message on', async () => {
    const piece = { ...label, content: new Uint8Array(2) };
    const lies: [string, Frame[], RegExp][] = [
      ['more than any message has', [{ ...piece, offset: 0, total: 2 ** 53 - 1 }], /at most/],
      [
        'another total in the middle',
        [
          { ...piece, offset: 0, total: 4 },
          { ...piece, offset: 2, total: 6 },
        ],
        /part of 6/,
      ],
      [
        'a part twice',
        [
          { ...piece, offset: 0, total: 4 },
          { ...piece, offset: 0, total: 4 },
        ],
        /bytes 0\+2/,
      ],
      [
        'a part over another',
        [
          { ...piece, offset: 0, total: 4 },
          { ...piece, offset: 1, total: 4 },
        ],
        /bytes 1\+2/,
      ],
      ['more than its total', [{ ...piece, offset: 0, total: 1 }], /bytes 0\+2/],
      ['nothing at all', [{ ...piece, content: new Uint8Array(0), offset: 0, total: 4 }], /bytes 0\+0/],
      [
        'the next message within',
        [
          { ...piece, offset: 0, total: 4 },
          { ...piece, operation: 2, offset: 2, total: 4 },
        ],
        /operation 2/,
      ],
    ];
    for (const [lie, frames, complaint] of lies) {
      const mailbox = new Mailbox(4);
      mailbox.receive({ ...label, from: 4 }).catch(() => undefined);
      expect(() => frames.map((frame) => mailbox.deliver(frame)), lie).toThrow(complaint);
    }

    const before = process.memoryUsage().arrayBuffers;
    const patient = Array.from({ length: 20 }, () => new Mailbox(4));
    for (const mailbox of patient) {
      mailbox.receive({ ...label, from: 4 }).catch(() => undefined);
      mailbox.deliver({ ...piece, offset: 0, total: 2 ** 32 });
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 2 ** 20);
  });

  it('grows with what has come', async () => {
    const content = Uint8Array.from({ length: 9_000_000 }, (_, index) => index % 251);
    const mailbox = new Mailbox(0);
    const received = mailbox.receive({ ...label, from: 0 });
    for (const frame of framesOf({ ...label, content }, 700_000)) mailbox.deliver(frame);
    expect(Buffer.compare(await received, content)).toBe(0);
  });

  it('gives a frame that came before the failure to the receive that comes after it', async () => {
    const mailbox = new Mailbox(0);
    void mailbox.deliver(message(5)[0]!);
    mailbox.fail(new GroupAborted(0, 'gone'));
    expect([...(await mailbox.receive({ ...label, from: 0 }))]).toEqual([5]);
    await expect(mailbox.receive({ ...label, from: 0 })).rejects.toThrow('gone');
  });
});
