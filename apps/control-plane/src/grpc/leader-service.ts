/** What other control planes ask of the one that leads. */
import {
  type CallCheck,
  isSameSecret,
  leader,
  secretKeys,
  shownIn,
  TriptychError,
  unauthenticated,
} from '@triptych/protocol';
import type { LeaderDuties } from '../leadership/leader-duties.ts';
import { notLeader } from '../leadership/term.ts';
import { type AnswerOptions, codedError, unaryCalls } from './unary.ts';

/** The leader that this control plane is; its secret is that of its term. */
export interface LeaderHere {
  readonly secret: string;
  readonly duties: LeaderDuties;
}

export interface LeaderServiceOptions extends AnswerOptions {
  readonly leader: () => LeaderHere | undefined;
}

export const isLeaderCall = (path: string): boolean => paths.has(path);
const paths = new Set(Object.values(leader.LeaderService).map(({ path }) => path as string));

/** The secret of the present term, and no other. */
export const leaderCheck =
  ({ leader: here }: Pick<LeaderServiceOptions, 'leader'>): CallCheck =>
  (metadata) => {
    const secret = here()?.secret;
    if (secret === undefined) throw notLeader('This control plane does not lead');
    const [shown] = shownIn(metadata, secretKeys.term);
    if (shown === undefined || !isSameSecret(shown, secret))
      throw unauthenticated('The call is not of a control plane that knows who leads');
  };

export function leaderService(options: LeaderServiceOptions): leader.LeaderServer {
  const unary = unaryCalls(options);
  const duties = () => {
    const here = options.leader();
    if (!here) throw notLeader('This control plane does not lead any more');
    return here.duties;
  };
  return {
    listOccupations: unary<leader.ListOccupationsRequest, leader.ListOccupationsResponse>(
      'ListOccupations',
      async () => ({
        occupations: [...(await duties().occupations())].map(([workerId, { state, runId, rank }]) => ({
          ...{ workerId, state, runId, rank },
        })),
      }),
    ),

    collectArtifacts: unary<leader.CollectArtifactsRequest, leader.CollectArtifactsResponse>(
      'CollectArtifacts',
      async ({ request }) => {
        if (!request.soon) return duties().collect();
        duties().collectSoon();
        return { removed: 0, removedBytes: 0, kept: 0, waiting: 0 };
      },
    ),

    makePrediction(call) {
      const gone = new AbortController();
      call.once('cancelled', () =>
        gone.abort(new TriptychError('CANCELLED', 'The control plane that asked went away')),
      );
      const answer = async () => {
        try {
          for await (const step of duties().predict(call.request, gone.signal))
            call.write({
              event:
                step.kind === 'text'
                  ? { $case: 'text', value: { text: step.text } }
                  : {
                      $case: 'answer',
                      value: { workerId: step.workerId, resultJson: JSON.stringify(step.result) },
                    },
            });
        } catch (error) {
          const { code, message, violations } = codedError(options, error, 'MakePrediction');
          if (!gone.signal.aborted)
            call.write({
              event: { $case: 'failed', value: { code, message, violations: [...violations] } },
            });
        }
        call.end();
      };
      void answer();
    },
  };
}
