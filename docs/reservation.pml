/*
 * reservation.pml -- IscsiNet "leveled, up-front reservation" model (SPIN 6.5)
 *
 * What is modelled
 *   NS sessions, one connection each, share one memory budget.  A connection is two FIFO
 *   byte streams (TCP) with small capacity.  The initiator keeps a command window; writes
 *   need K bursts (R2T sequences) of C Data-Out PDUs; it may abort a task (ABORT TASK)
 *   instead of sending data, and may lose the connection and re-login, once each.
 *   There are NO timers: nothing is ever rescued by a timeout.
 *
 * Levels, numbered as in the code (a wait at level n is legal only while every held level is > n)
 *   7 ADMISSION, 6 SESSION: not modelled, the sessions and their floors exist from the start
 *   5 SLOT    command credit: header + first burst + sense + response     (per session)
 *   4 BURST   solicited data buffer, taken BEFORE the R2T is sent         (per session)
 *   3 STORE   backing-store request                                       (per target)
 *   2         levels of an inner stack: not modelled
 *   1 WIRE    transmit queue slot = capacity of t2i[s]                    (per connection)
 *   0 CONTROL fixed reserve: TMF/NOP/Logout/Reject, and the standby login (never waited for)
 *   Every level k has a guaranteed minimum; the rest (SH units) may be borrowed by any
 *   level.  shared_used = sum(max(0, used_k - min_k)) <= SH  at all times.
 *
 * Task set: a task that arrives while an older one is in progress may depend on its end (one of the two is ORDERED;
 *   either choice is tried).  It waits for that before the BURST gate, holding its SLOT only; past BURST it waits for
 *   no other task.
 *
 * Properties
 *   P1 no invalid end state (deadlock freedom)                     - default search
 *   P2 budget: shared_used <= SH, slots backed by credit           - assert in BUDGET()
 *   P3 the receiver never waits for memory                         - assert in Rx()
 *   P4 recovery (abort, re-login) never needs a new reservation    - assert in Rx()/Login()
 *   P5 at quiescence every account is back at its floor (no leak)  - assert in Monitor()
 *   P6 starvation: every submitted command ends (weak fairness)    - ltl live, -DINF
 *
 * Broken on purpose
 *   -DBREAK_ORDER    a task keeps burst k while it waits for burst k+1 (same-level hold&wait)
 *   -DBREAK_UPWARD   a task that holds STORE waits for a SLOT (level inversion)
 *   -DBREAK_MIN      one fungible pool of the same total size, order kept, no per-level minimum
 *   -DBREAK_RX       naive pool: memory taken when the PDU arrives, reader waits for it
 *   -DBREAK_RELOGIN  login takes its memory from the shared pool instead of the standby
 *   -DBREAK_TMF      task management takes its memory from the shared pool
 *   -DBREAK_CREDIT   window opened when the response is queued, before the slot is released
 *   -DBREAK_TASKSET  a task passes BURST before the task set enabled it, and waits for the older task with a burst held
 *   -DBREAK_FIFO     (with -DINF) waiters of the STORE gate are served in any order: starvation
 */
#ifndef NS
#define NS 2            /* sessions                                    */
#endif
#define NT 2            /* tags = largest window per session           */
#ifndef N
#define N  2            /* commands each initiator wants done          */
#endif
#ifndef K
#define K  2            /* bursts per command (8 MiB over MaxBurst)    */
#endif
#ifndef C
#define C  2            /* Data-Out PDUs per burst                     */
#endif
#ifndef Q
#define Q  2            /* capacity of each TCP direction, in PDUs     */
#endif
#ifndef ABORTS
#define ABORTS 1
#endif
#ifndef DROPS
#define DROPS 1
#endif

#ifdef BREAK_MIN        /* same total: 2*1 + 2*1 + 1 + 1 = 6, all of it borrowable, slots keep 1 */
#define SMIN 1
#define BMIN 0
#define STMIN 0
#define SH 4
#else
#ifndef SMIN
#define SMIN 1          /* credits guaranteed per session              */
#endif
#ifndef BMIN
#define BMIN 1          /* bursts guaranteed per session               */
#endif
#ifndef STMIN
#define STMIN 1         /* store requests guaranteed                   */
#endif
#ifndef SH
#define SH 1            /* borrowable units                            */
#endif
#endif

mtype = { CMD, DOUT, TMF, R2T, RSP, TMFRSP };

chan i2t[NS] = [Q] of { mtype, byte };
chan t2i[NS] = [Q] of { mtype, byte, byte };   /* type, tag, credits */

byte slotUsed[NS];      /* credits outstanding + tasks in progress */
byte burstUsed[NS];
byte storeUsed;
byte extra;             /* shared units taken by broken variants (login / tmf) */
byte inprog[NS];        /* tasks in progress at the target */

#define OVER(u,m)   ((u) > (m) -> (u)-(m) : 0)
#if NS == 2
#define SHARED_USED (OVER(slotUsed[0],SMIN)+OVER(slotUsed[1],SMIN)+OVER(burstUsed[0],BMIN)+OVER(burstUsed[1],BMIN)+OVER(storeUsed,STMIN)+extra)
#else
#define SHARED_USED (OVER(slotUsed[0],SMIN)+OVER(burstUsed[0],BMIN)+OVER(storeUsed,STMIN)+extra)
#endif
#define CAN(u,m)    ((u) < (m) || SHARED_USED < SH)
#define BUDGET(s)   assert(SHARED_USED <= SH); assert(inprog[s] <= slotUsed[s])

typedef Sess {
  bit  up;              /* connection established */
  bit  req;             /* re-login requested */
  bit  standby;         /* CONTROL: standby login reserve present */
  byte credits;         /* initiator's view of its window */
  byte ctrlUsed;        /* CONTROL: TMF reserve in use (0..1) */
  byte tmfTag;
  bit  tmfHit;          /* the TMF really ended a task: its slot goes back as a credit */
  /* per tag, target side */
  bit  older[NT];       /* the task set: an older task has to end before this one is enabled */
  bit  cmdin[NT]; bit busyT[NT]; bit abrt[NT]; byte data[NT]; bit hasB[NT];
  /* per tag, initiator side */
  bit  busyI[NT]; bit aborting[NT]; byte owe[NT];
  byte nsub; byte ndone; byte aborts; byte drops;
}
Sess S[NS];
byte finished;

#ifdef INF      /* liveness runs: every gate is a FIFO of waiters, so weak process fairness is enough */
chan burstQ[NS] = [NT] of { byte };
chan wireQ[NS]  = [NT] of { byte };
chan storeQ     = [NS*NT] of { byte };
chan txq[NS] = [NT*(1+C)+1] of { mtype, byte };
#define WIRE_TAKE(s)  wireQ[s]!t
#define WIRE_MINE(s)  wireQ[s]?[eval(t)]
#define WIRE_NEXT(s)  wireQ[s]?eval(t)
#ifdef BREAK_FIFO
#define STORE_TAKE    skip
#define STORE_MINE    true
#define STORE_NEXT    skip
#else
#define STORE_TAKE    storeQ!(s*NT+t)
#define STORE_MINE    storeQ?[eval(s*NT+t)]
#define STORE_NEXT    storeQ?eval(s*NT+t)
#endif
#else
#define WIRE_TAKE(s)  skip
#define WIRE_MINE(s)  true
#define WIRE_NEXT(s)  skip
#define STORE_TAKE    skip
#define STORE_MINE    true
#define STORE_NEXT    skip
#endif

#define ENDED(s,t)  S[s].older[1-(t)] = 0          /* whoever depended on this task is enabled */

/* ------------------------------------------------------------------ target: task */
proctype Task(byte s; byte t)
{
  byte k, held;
  bit  dead;
endtask:
  do
  :: atomic { S[s].cmdin[t] -> S[s].cmdin[t] = 0; k = 0; held = 0; dead = 0 }

#ifndef BREAK_TASKSET
     /* the task set enables it. Holds: SLOT(5). */
     atomic { if :: S[s].abrt[t] -> dead = 1 :: !S[s].older[t] -> skip fi }
#endif
     do
     :: (k < K && !dead) ->
#ifndef BREAK_RX
        /* ---- gate: level 4. Holds: SLOT(5). Legal. */
#ifdef INF
        burstQ[s]!t;
        atomic {
          if
          :: burstQ[s]?[eval(t)] && S[s].abrt[t] -> dead = 1
          :: burstQ[s]?[eval(t)] && CAN(burstUsed[s], BMIN) -> burstUsed[s]++; held++; BUDGET(s)
          fi;
          burstQ[s]?eval(t)
        }
#else
        atomic {
          if
          :: S[s].abrt[t] -> dead = 1
          :: CAN(burstUsed[s], BMIN) -> burstUsed[s]++; held++; BUDGET(s)
          fi
        }
#endif
#endif
#ifdef BREAK_TASKSET
        if
        :: dead
        :: else -> atomic { if :: S[s].abrt[t] -> dead = 1 :: !S[s].older[t] -> skip fi }
        fi;
#endif
        if
        :: dead
        :: else ->
           S[s].data[t] = 0;
           /* level 1 (wire): the R2T waits for queue space, holds 5 and 4. Legal. */
           WIRE_TAKE(s);
           atomic {
             if
             :: WIRE_MINE(s) && S[s].abrt[t] -> dead = 1
             :: WIRE_MINE(s) && S[s].up && nfull(t2i[s]) -> t2i[s]!R2T,t,0
             fi;
             WIRE_NEXT(s)
           }
        fi;
        if
        :: dead
        :: else ->
           /* peer sends the burst; no timer */
           atomic {
             if
             :: S[s].abrt[t] -> dead = 1
             :: S[s].data[t] == C
             fi
           }
        fi;
        if
        :: dead
        :: else ->
#ifdef BREAK_ORDER
           if
           :: k + 1 < K -> skip      /* whole-transfer buffering: keep the burst, ask for the next */
           :: else ->
#endif
           /* ---- gate: level 3. Holds 5 and 4. Legal. */
           STORE_TAKE;
           atomic { STORE_MINE && CAN(storeUsed, STMIN) -> storeUsed++; STORE_NEXT; BUDGET(s) }
#ifdef BREAK_UPWARD
           atomic { CAN(slotUsed[s], SMIN) -> slotUsed[s]++; BUDGET(s) }   /* level 5 while holding 3 */
           atomic { slotUsed[s]-- }
#endif
           /* disk I/O happens here; it needs nothing */
           atomic { storeUsed-- }
#ifdef BREAK_ORDER
           fi
#endif
        fi;
#ifdef BREAK_ORDER
        if
        :: dead || k + 1 == K -> atomic { burstUsed[s] = burstUsed[s] - held; held = 0 }
        :: else
        fi;
#else
#ifdef BREAK_RX
        atomic { if :: S[s].hasB[t] -> burstUsed[s]--; S[s].hasB[t] = 0 :: else fi }
#else
        atomic { if :: held > 0 -> burstUsed[s]--; held = 0 :: else fi }
#endif
#endif
        k++
     :: else -> break
     od;

     /* completion: the slot turns back into a credit, or is returned if it was borrowed */
     if
     :: dead ->
        atomic { inprog[s]--; S[s].tmfHit = 1; S[s].busyT[t] = 0; S[s].abrt[t] = 0; ENDED(s,t) }
     :: else ->
#ifdef BREAK_CREDIT
        atomic { /* response and its credit leave first ... */
          if
          :: S[s].abrt[t] -> dead = 1
          :: S[s].up && nfull(t2i[s]) -> t2i[s]!RSP,t,1
          fi
        }
        atomic { /* ... the descriptor is still in use until here */
          inprog[s]--; S[s].busyT[t] = 0; S[s].abrt[t] = 0; ENDED(s,t);
          if :: dead -> S[s].tmfHit = 1 :: else fi
        }
#else
        WIRE_TAKE(s);
        atomic {
          if
          :: WIRE_MINE(s) && S[s].abrt[t] -> inprog[s]--; S[s].tmfHit = 1
          :: WIRE_MINE(s) && S[s].up && nfull(t2i[s]) ->
             inprog[s]--;
             if
             :: t2i[s]!RSP,t,1                                             /* same credit again   */
#ifndef BREAK_RX
             :: slotUsed[s] > SMIN -> slotUsed[s]--; t2i[s]!RSP,t,0        /* shrink the window   */
             :: slotUsed[s] < NT && CAN(slotUsed[s],SMIN) ->
                slotUsed[s]++; BUDGET(s); t2i[s]!RSP,t,2                   /* widen it, borrowing */
#endif
             fi
          fi;
          WIRE_NEXT(s);
          S[s].busyT[t] = 0; S[s].abrt[t] = 0; ENDED(s,t)
        }
#endif
     fi
  od
}

/* ------------------------------------------------------------------ target: receiver */
proctype Rx(byte s)
{
  byte t;
endrx:
  do
  :: atomic { S[s].up && i2t[s]?[CMD,_] -> 
#ifdef BREAK_RX
       CAN(slotUsed[s], SMIN) -> slotUsed[s]++; BUDGET(s);     /* reader waits for memory */
#endif
       if
       :: S[s].up && i2t[s]?[CMD,_] ->
          i2t[s]?CMD,t;
          assert(!S[s].busyT[t]);                                      /* P3: its slot is free      */
          S[s].busyT[t] = 1; S[s].abrt[t] = 0; S[s].cmdin[t] = 1; inprog[s]++;
          if                                        /* is one of the two ORDERED? */
          :: S[s].busyT[1-t] -> S[s].older[t] = 1
          :: true            -> S[s].older[t] = 0
          fi;
#ifndef BREAK_RX
          assert(inprog[s] <= slotUsed[s])                             /* P3: and it is backed      */
#endif
       :: else
       fi
     }
  :: atomic { S[s].up && i2t[s]?[DOUT,_] ->
       i2t[s]?<DOUT,t>;
#ifdef BREAK_RX
       if
       :: !S[s].hasB[t] ->
          CAN(burstUsed[s], BMIN) || !S[s].up;
          if
          :: S[s].up -> burstUsed[s]++; S[s].hasB[t] = 1
          :: else
          fi
       :: else
       fi;
       if :: S[s].up && i2t[s]?[DOUT,_] -> i2t[s]?DOUT,t; S[s].data[t]++ :: else fi
#else
       i2t[s]?DOUT,t;
       if
       :: S[s].busyT[t] && !S[s].abrt[t] -> assert(burstUsed[s] > 0); S[s].data[t]++    /* P3 */
       :: else                                      /* late data of an aborted task: drained */
       fi
#endif
     }
  :: atomic { S[s].up && i2t[s]?[TMF,_] ->
#ifdef BREAK_TMF
       SHARED_USED < SH || !S[s].up;
       if :: S[s].up -> extra++ :: else fi;
#endif
       if
       :: S[s].up && i2t[s]?[TMF,_] ->
          i2t[s]?TMF,t;
          assert(S[s].ctrlUsed == 0);                                  /* P4: reserve is there      */
          S[s].ctrlUsed = 1; S[s].tmfTag = t; S[s].tmfHit = 0;
          if :: S[s].busyT[t] -> S[s].abrt[t] = 1 :: else fi
       :: else
       fi
     }
  od
}

/* target: sends the TMF response once the task has ended; the reader never waits for it */
proctype Ctrl(byte s)
{
endctl:
  do
  :: atomic {
       S[s].ctrlUsed && !S[s].busyT[S[s].tmfTag] && S[s].up && nfull(t2i[s]) ->
       t2i[s]!TMFRSP,S[s].tmfTag,S[s].tmfHit;
#ifdef BREAK_TMF
       extra--;
#endif
       S[s].ctrlUsed = 0; S[s].tmfHit = 0
     }
  od
}

/* target: session reinstatement on a new connection */
proctype Login(byte s)
{
endlog:
  do
  :: S[s].req ->
     /* ---- admission gate */
#ifdef BREAK_RELOGIN
     atomic { SHARED_USED < SH -> extra++ }
#else
     atomic { assert(S[s].standby); S[s].standby = 0 }                 /* P4 */
#endif
     atomic {
       if :: S[s].busyT[0] -> S[s].abrt[0] = 1 :: else fi;
       if :: S[s].busyT[1] -> S[s].abrt[1] = 1 :: else fi
     }
     atomic {                                       /* old tasks end, then the window restarts */
       !S[s].busyT[0] && !S[s].busyT[1] && inprog[s] == 0 ->
       slotUsed[s] = SMIN;
#ifdef BREAK_RX
       slotUsed[s] = 0; if :: S[s].hasB[0] -> burstUsed[s]--; S[s].hasB[0]=0 :: else fi;
       if :: S[s].hasB[1] -> burstUsed[s]--; S[s].hasB[1]=0 :: else fi;
#endif
#ifdef BREAK_TMF
       if :: S[s].ctrlUsed -> extra-- :: else fi;
#endif
       S[s].ctrlUsed = 0; S[s].tmfHit = 0;
       S[s].credits = SMIN;
#ifdef BREAK_RX
       S[s].credits = NT;
#endif
       S[s].up = 1; S[s].req = 0;
#ifdef BREAK_RELOGIN
       extra--
#else
       S[s].standby = 1
#endif
     }
  od
}

/* ------------------------------------------------------------------ initiator */
#define OUT(s)  (S[s].busyI[0] + S[s].busyI[1])
#ifdef INF
/* endless workload; one FIFO transmit queue, as a real initiator has */
proctype ITx(byte s)
{
  byte t; mtype m;
endtx:
  do
  :: txq[s]?m,t -> i2t[s]!m,t
  od
}
proctype Initiator(byte s)
{
  byte t, c, j;
endini:
  do
  :: atomic { t2i[s]?R2T,t,c -> j = 0; do :: j < C -> txq[s]!DOUT,t; j++ :: else -> break od; j = 0 }
  :: atomic { t2i[s]?RSP,t,c -> assert(S[s].busyI[t]); S[s].busyI[t] = 0; S[s].credits = S[s].credits + c }
  :: atomic { S[s].credits > 0 && !S[s].busyI[0] -> txq[s]!CMD,0; S[s].busyI[0] = 1; S[s].credits-- }
  :: atomic { S[s].credits > 0 && !S[s].busyI[1] -> txq[s]!CMD,1; S[s].busyI[1] = 1; S[s].credits-- }
  od
}
#else
proctype Initiator(byte s)
{
  byte t, c;
  do
  /* submit: window and a free tag */
  :: atomic { S[s].up && S[s].credits > 0 && S[s].nsub < N && nfull(i2t[s]) &&
              !S[s].busyI[0] && !S[s].aborting[0] ->
       i2t[s]!CMD,0; S[s].busyI[0] = 1; S[s].credits--; 
       S[s].nsub++
     }
  :: atomic { S[s].up && S[s].credits > 0 && S[s].nsub < N && nfull(i2t[s]) &&
              !S[s].busyI[1] && !S[s].aborting[1] ->
       i2t[s]!CMD,1; S[s].busyI[1] = 1; S[s].credits--;
       S[s].nsub++
     }
  /* answer R2Ts */
  :: atomic { S[s].up && t2i[s]?[R2T,_,_] -> t2i[s]?R2T,t,c;
       if :: S[s].busyI[t] && !S[s].aborting[t] -> S[s].owe[t] = C :: else fi }
  :: atomic { S[s].up && S[s].owe[0] > 0 && nfull(i2t[s]) -> i2t[s]!DOUT,0; S[s].owe[0]-- }
  :: atomic { S[s].up && S[s].owe[1] > 0 && nfull(i2t[s]) -> i2t[s]!DOUT,1; S[s].owe[1]-- }
  /* completion */
  :: atomic { S[s].up && t2i[s]?[RSP,_,_] -> t2i[s]?RSP,t,c;
       assert(S[s].busyI[t]); S[s].busyI[t] = 0; S[s].owe[t] = 0; S[s].credits = S[s].credits + c;
       S[s].ndone++
     }
  /* abort instead of sending the data that was asked for */
  :: atomic { S[s].up && S[s].aborts < ABORTS && S[s].busyI[0] && !S[s].aborting[0] && !S[s].aborting[1] &&
              nfull(i2t[s]) ->
       i2t[s]!TMF,0; S[s].aborting[0] = 1; S[s].owe[0] = 0; S[s].aborts++ }
  :: atomic { S[s].up && t2i[s]?[TMFRSP,_,_] -> t2i[s]?TMFRSP,t,c;
       S[s].aborting[t] = 0; S[s].credits = S[s].credits + c;
       if :: S[s].busyI[t] -> assert(c == 1); S[s].busyI[t] = 0;
             S[s].ndone++
          :: else -> assert(c == 0) fi
     }
  /* the network eats the connection; what was outstanding is submitted again after re-login */
  :: atomic { S[s].up && S[s].drops < DROPS && OUT(s) > 0 ->
       S[s].drops++; S[s].up = 0; S[s].req = 1;
       do :: nempty(i2t[s]) -> if :: i2t[s]?CMD,t :: i2t[s]?DOUT,t :: i2t[s]?TMF,t fi :: empty(i2t[s]) -> break od;
       do :: nempty(t2i[s]) -> if :: t2i[s]?R2T,t,c :: t2i[s]?RSP,t,c :: t2i[s]?TMFRSP,t,c fi :: empty(t2i[s]) -> break od;
       S[s].nsub = S[s].nsub - OUT(s);
       S[s].busyI[0] = 0; S[s].busyI[1] = 0; S[s].aborting[0] = 0; S[s].aborting[1] = 0;
       S[s].owe[0] = 0; S[s].owe[1] = 0; S[s].credits = 0 }
  :: atomic { S[s].up && S[s].ndone == N && !S[s].aborting[0] && !S[s].aborting[1] -> finished++; break }
  od
}
#endif

#ifndef INF
proctype Monitor()
{
  finished == NS;
  /* P5: everything is back at its floor.  Slots may still back unused credits. */
  atomic {
    assert(storeUsed == 0 && extra == 0);
    assert(burstUsed[0] == 0 && inprog[0] == 0 && slotUsed[0] == S[0].credits && S[0].ctrlUsed == 0);
#ifndef BREAK_RELOGIN
    assert(S[0].standby == 1);
#endif
#if NS == 2
    assert(burstUsed[1] == 0 && inprog[1] == 0 && slotUsed[1] == S[1].credits && S[1].ctrlUsed == 0);
#endif
  }
}
#endif

#ifdef INF
ltl live { [] ((S[0].busyI[1] == 1) -> <> (S[0].busyI[1] == 0)) }
#endif

init {
  byte s;
  atomic {
    s = 0;
    do
    :: s < NS ->
       S[s].up = 1; S[s].standby = 1;
#ifdef BREAK_RX
       S[s].credits = NT; slotUsed[s] = 0;      /* static window, not backed by memory */
#else
       S[s].credits = SMIN; slotUsed[s] = SMIN;
#endif
       run Initiator(s); run Rx(s); run Task(s,0); run Task(s,1);
#ifdef INF
       run ITx(s);
#else
       run Ctrl(s); run Login(s);
#endif
       s++
    :: else -> break
    od;
#ifndef INF
    run Monitor()
#endif
  }
}

/* ====================================================================== RESULTS
 * SPIN 6.5.2, gcc -O2, 2 shared vCPUs, 2026-11-22.  How: spin -a <defines> reservation.pml;
 * gcc -O2 -DCOLLAPSE -DSAFETY -o pan pan.c; ./pan -m2000000 -w26      (BFS runs: add -DBFS)
 * liveness: gcc -O2 -DCOLLAPSE -DNFAIR=4 -o pan pan.c; ./pan -a -f -m6000000 -w24
 * All runs below are of this file, with the task set; the last paragraph says what was not repeated since it was added.
 *
 * THE DESIGN (0 errors in all, all exhaustive)
 *   -DNS=1                                                     24 390 states       31 271 transitions
 *   -DNS=1 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0 -DSMIN=2 -DBMIN=2 -DSH=0
 *                                                               4 490               6 204
 *   the same with -DBMIN=1                                      1 538               2 036
 *   -DNS=2 -DN=2 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0       147 438             218 110
 *   -DNS=2 -DN=2 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0 -DSH=2 178 014            265 438
 *   -DNS=2 -DN=2 -DK=2 -DC=2 -DQ=2 -DABORTS=0 -DDROPS=0       195 270             310 254
 *   -DNS=2 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=1 -DDROPS=0       893 861           1 582 609
 *   -DNS=2 -DN=2 -DK=2 -DC=1 -DQ=1 -DABORTS=1 -DDROPS=0 -DSH=0 1 016 689        1 738 226
 *   -DNS=2 -DN=3 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0     4 313 030           7 706 526             7 s
 *   -DNS=2 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=1     5 294 461           9 171 398             7 s
 *   ltl live (every submitted command of a tag ends), -DINF, weak fairness
 *   -DNS=1 -DK=2 -DC=1 -DQ=1                                   13 196 (72 865 visited) 166 726
 *
 * BROKEN ON PURPOSE (breadth first, so the trail is a shortest one)
 *   -DBREAK_TASKSET -DNS=1 -DN=2 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0 -DSMIN=2 -DBMIN=1 -DSH=0
 *        invalid end state, depth 30, 198 states.  The younger task took the only burst and waits for the older one to
 *        end, which waits for a burst.  Without the flag the same budget passes (above).  With a burst for each task
 *        (NS=2, SH=1) the flag does no harm in the runs that were made: it takes scarcity to show.
 *   -DBREAK_ORDER   -DNS=1 -DN=2 -DK=2 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0 -DSMIN=2 -DBMIN=2 -DSH=0
 *        invalid end state, depth 80, 2 141 states.  Two writes share 2 bursts; each stored its first burst's
 *        data in memory, keeps it, and waits for its second.  Without the flag the same budget passes (above).
 *   -DBREAK_UPWARD  -DNS=2 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0
 *        invalid end state, depth 84, 8 837 states.  STORE held while waiting for SLOT.
 *   -DBREAK_MIN     same parameters
 *        invalid end state, depth 166, 123 265 states.  slotUsed = 2,2 (one unused credit each), burstUsed = 1,1,
 *        shared_used = SH: both tasks have all their data and wait for STORE.
 *   -DBREAK_RX      -DNS=2 -DN=2 -DK=1 -DC=2 -DQ=2 -DABORTS=0 -DDROPS=0
 *        invalid end state, depth 104, 526 410 states.  Session 1's reader stands before the first Data-Out of
 *        tag 1 and wants a burst; the last Data-Out of tag 0, which would free one, is behind it.  Session 0's
 *        reader stands before a CMD and wants a slot, the data of its first write is behind it.
 *   -DBREAK_RELOGIN -DNS=2 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=1
 *        invalid end state, depth 75, 104 221 states.  Both connections are gone; the only shared unit is an unused
 *        credit of session 1; both logins wait for it.  No task is in progress at all.
 *   -DBREAK_TMF     -DNS=2 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=1 -DDROPS=0
 *        invalid end state, depth 90, 81 572 states.  Both readers stand before ABORT TASK; the shared unit is an
 *        idle credit of session 1; the task to be aborted holds its burst and waits for data that will not come.
 *   -DBREAK_CREDIT  -DNS=1 -DN=2 -DK=1 -DC=1 -DQ=1 -DABORTS=0 -DDROPS=0
 *        assertion !busyT[t], depth 56, 137 states.  A command arrives for a slot that is still in use.
 *   -DBREAK_FIFO    -DINF -DNS=1 -DK=1 -DC=1 -DQ=2 -DSMIN=2 -DBMIN=2 -DSH=0
 *        acceptance cycle under weak fairness, 471 states.  One task is passed over at STORE for ever; with FIFO
 *        gates the same run has 0 errors (8 222 states, 46 757 visited).
 *
 * Not repeated since the task set was added (0 errors before it): abort and loss in each of 2 sessions (42.6 M states,
 * exhaustive), everything with K=2 C=2 Q=2 (350 M states, bitstate), liveness with 2 sessions (5.8 M states).  The
 * descriptions of the older counter-examples are those of the runs before it; depth and states are new.
 *
 * Limits: units instead of bytes, 2 sessions, 2 tags, one connection per session, no timers, ERL 0, TCP as a
 * bounded FIFO of PDUs, peers that keep reading.  More sessions only add more users of the shared units
 * (argued by symmetry, not proved).
 */
