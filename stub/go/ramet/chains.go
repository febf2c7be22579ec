package ramet

// Chains: whose turn it is, and what has failed (docs/wire_format.md#chains).
// Under the runtime's lock.

import "container/list"

const (
	// Chains without calls that are remembered; of foreign callers in the
	// second place.
	maxIdleChains        = 1024
	maxForeignIdleChains = 256
	// Of the text of a failure that is remembered.
	maxChainTextBytes = 4096
)

// chainPlace is a call's place as its headers say; id 0: in no chain.
type chainPlace struct {
	id             uint64
	epoch          uint32
	index, knownOK uint64
}

type chainKey struct {
	caller, authority uint32
	id                uint64
}

type chain struct {
	epoch     uint32
	nextIndex uint64
	failure   *Error
	line      []*servedCall
	running   bool
	idle      *list.Element
}

type chainTable struct {
	chains map[chainKey]*chain
	idle   [2]*list.List // of callers above, and of foreign ones
	run    func(*servedCall)
}

func newChainTable(run func(*servedCall)) *chainTable {
	return &chainTable{chains: map[chainKey]*chain{},
		idle: [2]*list.List{list.New(), list.New()}, run: run}
}

func lostChain() *Error {
	return Errorf(Aborted, "calls of this chain were lost, or went to another "+
		"module, and whether they succeeded is not known; reset the chain and "+
		"begin again")
}

func idleIndex(call *servedCall) int {
	if call.foreign {
		return 1
	}
	return 0
}

// add gives a call its place, or its answer.
func (t *chainTable) add(call *servedCall) *Error {
	if call.method.streams() {
		return Errorf(InvalidArgument, "chains are of unary calls")
	}
	key, place := call.chainKey(), call.headers.chain
	c := t.chains[key]
	if c == nil {
		c = &chain{epoch: place.epoch, nextIndex: place.knownOK}
		t.chains[key] = c
	} else if c.idle != nil {
		t.idle[idleIndex(call)].Remove(c.idle)
		c.idle = nil
	}
	failure := c.check(place)
	if failure == nil {
		c.line = append(c.line, call)
	}
	t.setIdle(call, c)
	return failure
}

func (c *chain) check(place chainPlace) *Error {
	if place.epoch < c.epoch {
		return lostChain()
	}
	if place.epoch > c.epoch {
		c.epoch, c.nextIndex, c.failure = place.epoch, place.knownOK, nil
	}
	if c.failure == nil && place.index != c.nextIndex {
		// Somebody on the way has refused one.
		c.failure = lostChain()
	}
	if c.failure == nil {
		c.nextIndex++
	}
	return c.failure
}

// onWhole: the whole call is there.
func (t *chainTable) onWhole(call *servedCall) {
	call.whole = true
	if c := t.chains[call.chainKey()]; c != nil {
		t.takeNext(c)
	}
}

// onAborted: it was answered before its method returned, or began.
func (t *chainTable) onAborted(call *servedCall) {
	c := t.chains[call.chainKey()]
	if c == nil || call.failure == nil {
		return
	}
	for i, each := range c.line {
		if each != call {
			continue
		}
		behind, why := c.fail(i)
		// One that runs keeps its place until its method has returned.
		if i > 0 || !c.running {
			c.line = append(c.line[:i:i], c.line[i+1:]...)
		}
		t.tell(call, c, behind, why)
		return
	}
}

func (t *chainTable) onReturned(call *servedCall) {
	c := t.chains[call.chainKey()]
	if c == nil || len(c.line) == 0 || c.line[0] != call {
		return
	}
	var behind []*servedCall
	var why *Error
	if call.failure != nil {
		behind, why = c.fail(0)
	}
	c.line = append([]*servedCall(nil), c.line[1:]...)
	c.running = false
	t.tell(call, c, behind, why)
}

// fail takes those of its epoch behind a call out of the line.
func (c *chain) fail(index int) (behind []*servedCall, why *Error) {
	call := c.line[index]
	copied := *call.failure
	if len(copied.Message) > maxChainTextBytes {
		copied.Message = copied.Message[:maxChainTextBytes]
	}
	if call.headers.chain.epoch == c.epoch && c.failure == nil {
		c.failure = &copied
	}
	kept := append([]*servedCall(nil), c.line[:index+1]...)
	for _, each := range c.line[index+1:] {
		if each.headers.chain.epoch == call.headers.chain.epoch {
			behind = append(behind, each)
		} else {
			kept = append(kept, each)
		}
	}
	c.line = kept
	return behind, &copied
}

func (t *chainTable) tell(call *servedCall, c *chain, behind []*servedCall,
	why *Error) {
	for _, each := range behind {
		each.abort(why)
	}
	t.takeNext(c)
	t.setIdle(call, c)
}

func (t *chainTable) takeNext(c *chain) {
	if !c.running && len(c.line) > 0 && c.line[0].whole {
		c.running = true
		t.run(c.line[0])
	}
}

func (t *chainTable) setIdle(call *servedCall, c *chain) {
	if len(c.line) > 0 || c.idle != nil {
		return
	}
	idle, limit := t.idle[idleIndex(call)], maxIdleChains
	if call.foreign {
		limit = maxForeignIdleChains
	}
	c.idle = idle.PushBack(call.chainKey())
	if idle.Len() > limit {
		delete(t.chains, idle.Remove(idle.Front()).(chainKey))
	}
}
